import type { Client } from "@trellis/client";
import { errorReason, finalizersOf, isMarkedForDeletion, type TypedResource } from "@trellis/resource";

import type { Cache, Index } from "../cache.ts";
import type { AnyController } from "../define.ts";
import { retry, type Result } from "../result.ts";
import { checkResult } from "./check-result.ts";
import { addFinalizer, isLastFinalizer, removeFinalizer } from "./finalizers.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { reapOrphans } from "./orphans.ts";
import { absentContext, type ContextParts, reconcileContext, signatureOf } from "./run-context.ts";
import { StatusDraft } from "./status-builder.ts";

/** What one run works on. */
export interface RunParts extends ContextParts {
  /** The managed resource as the cache has it. */
  readonly resource: TypedResource | undefined;
  /** The cache without the recording of what is asked. */
  readonly plainCache: Cache;
  /** Finds what a name owns, for each owned type. */
  readonly ownerIndexes: readonly Index[];
}

/**
 * One run for one name, by the state of its resource: alive, it is reconciled, with the finalizer in place before; marked for deletion, it is finalized; not there, its children are
 * taken away and `absent` is told. Throws what the author's code throws, and what calls of its own do.
 */
export async function reconcileOnce(parts: RunParts): Promise<Result> {
  const { definition, resource } = parts;
  if (resource === undefined) return await runAbsent(parts);
  if (!isMarkedForDeletion(resource.metadata)) return await runReconcile(parts, resource);
  const isHeld = finalizersOf(resource.metadata).has(signatureOf(definition));
  if (definition.finalize !== undefined && isHeld) return await runFinalize(parts, resource);
  return definition.reconcileMarked === true ? await runReconcile(parts, resource) : DONE;
}

const DONE: Result = { kind: "done" };

async function runAbsent(parts: RunParts): Promise<Result> {
  const { definition, ownerIndexes, plainCache, request } = parts;
  const parent = { type: definition.type, request };
  for (const index of ownerIndexes) await reapOrphans(parts.client, plainCache, index, parent);
  return definition.absent === undefined ? DONE : checkResult(await definition.absent(absentContext(parts)));
}

async function runReconcile(parts: RunParts, cached: TypedResource): Promise<Result> {
  const { definition } = parts;
  const isMarked = isMarkedForDeletion(cached.metadata);
  const resource =
    definition.finalize === undefined || isMarked
      ? cached
      : freezeDeep(await addFinalizer(finalizerTarget(parts, cached)));
  const { result } = await runHandler(parts, { resource, handler: definition.reconcile });
  return result;
}

async function runFinalize(parts: RunParts, cached: TypedResource): Promise<Result> {
  const handler = parts.definition.finalize as NonNullable<AnyController["finalize"]>;
  const finalizer = signatureOf(parts.definition);
  const { result, resource } = await runHandler(parts, {
    resource: cached,
    handler,
    // What goes away with its last finalizer needs no status.
    isGone: ({ kind }) => kind === "done" && isLastFinalizer(cached, finalizer),
  });
  if (result.kind === "done") await removeFinalizer(finalizerTarget(parts, resource));
  return result;
}

interface Handling {
  readonly resource: TypedResource;
  readonly handler: AnyController["reconcile"];
  readonly isGone?: (result: Result) => boolean;
}

/** Runs a handler, and writes what it said of the resource. The resource as it is then. */
async function runHandler(
  parts: RunParts,
  { resource, handler, isGone = () => false }: Handling,
): Promise<{ readonly result: Result; readonly resource: TypedResource }> {
  const { definition } = parts;
  const draft = new StatusDraft();
  const result = checkResult(await handler(reconcileContext(parts, resource, draft) as never));
  if (!draft.isSaid || isGone(result)) return { result, resource };
  try {
    const { type } = definition;
    const key = signatureOf(definition);
    return { result, resource: await draft.write({ client: parts.client(), type, resource, key }) };
  } catch (error) {
    // What failed is told as it was; and what is gone needs no status.
    const stays = result.kind === "retry" || errorReason(error) === "RESOURCE_NOT_FOUND";
    return { result: stays ? result : retry(error), resource };
  }
}

function finalizerTarget(parts: RunParts, resource: TypedResource) {
  const { definition } = parts;
  const client: Client = parts.client();
  return { client, type: definition.type, resource, finalizer: signatureOf(definition) };
}
