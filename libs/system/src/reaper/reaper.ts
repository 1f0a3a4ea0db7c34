import { ConnectError, Code } from "@connectrpc/connect";
import type { Client } from "@trellis/client";
import { defineController, requestOf } from "@trellis/controller";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorReason } from "@trellis/resource";

import { deleteAll } from "../delete-all.ts";
import { strong } from "../strong.ts";
import { Tombstone } from "../types.ts";

/** Tombstones that are followed at once. */
const CONCURRENCY = 8;
/** What is deleted of one owner between two looks. */
const PAGE_SIZE = 500;

/**
 * Follows each tombstone: deletes what the deleted resource owned, then the tombstone. One pass is enough: a child is created with the
 * owner's existence checked inside its commit, and the owner went in the commit that left the tombstone, so that the list afterwards
 * is complete. It may be stopped anywhere and run again.
 */
export const reaper = defineController({
  name: "reaper",
  type: Tombstone,
  concurrency: CONCURRENCY,
  async reconcile({ resource: tombstone, client, signal }) {
    const { owner } = tombstone.data;
    // A tombstone of something that lives is nobody's: its children must not pay for it.
    if (owner !== undefined && (await isGone(client, owner, signal))) await reap(client, owner, signal);
    const { id } = tombstone;
    await client.delete(Tombstone, { ...requestOf(id), uid: id.uid }, { signal });
  },
});

async function isGone(client: Client, owner: ID, signal: AbortSignal): Promise<boolean> {
  try {
    await client.resources.read({ id: owner }, strong(signal));
    return false;
  } catch (error) {
    const reason = errorReason(error);
    if (ConnectError.from(error).code === Code.NotFound) return true;
    // Stored in another group version is there; of a type that nobody serves any more, the tombstone is all that is known.
    if (reason === "GROUP_VERSION_MISMATCH") return false;
    if (reason === "TYPE_NOT_REGISTERED") return true;
    throw error;
  }
}

/** Deletes everything that an incarnation owns. The pages show one version, from which nothing is missing. */
async function reap(client: Client, owner: ID, signal: AbortSignal): Promise<void> {
  let pageToken = "";
  do {
    const page = await client.resources.listByOwner(
      { owner, pageSize: PAGE_SIZE, pageToken },
      strong(signal),
    );
    await deleteAll(client, page.resources, signal);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
