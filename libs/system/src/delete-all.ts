import type { Client } from "@trellis/client";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { idText, isMarkedForDeletion } from "@trellis/resource";

/** Deletions sent in one request: few, so that other callers of the server get their turn in between. */
const BATCH_SIZE = 25;

/**
 * Deletes the resources that are not being deleted yet; those with finalizers are only marked by that. Throws an Error that tells the first
 * failure, after all were tried.
 */
export async function deleteAll(
  client: Client,
  resources: readonly Resource[],
  signal: AbortSignal,
): Promise<void> {
  const ids = resources.flatMap(({ id, metadata }) =>
    id === undefined || isMarkedForDeletion(metadata) ? [] : [id],
  );
  const failures: string[] = [];
  for (let start = 0; start < ids.length; start += BATCH_SIZE) {
    const batch = ids.slice(start, start + BATCH_SIZE);
    const operations = batch.map((id) => ({ operation: { case: "delete" as const, value: { id } } }));
    const { results } = await client.resources.batchWrite({ operations }, { signal });
    for (const [position, { result }] of results.entries()) {
      const id = batch[position];
      if (result.case === "error" && id !== undefined)
        failures.push(`${idText(id)}: ${result.value.message}`);
    }
  }
  const [first] = failures;
  if (first !== undefined)
    throw new Error(
      `${failures.length} of ${ids.length} resources could not be deleted; the first: ${first}`,
    );
}
