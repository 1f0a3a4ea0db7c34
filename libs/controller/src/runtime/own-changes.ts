import { isDeepStrictEqual } from "node:util";

import { FINALIZERS_KEY, finalizersOf, type TypedResource } from "@trellis/resource";

import type { Change, ChangeFilter } from "../change.ts";
import { changedBesidesStatus } from "../changed.ts";

/**
 * Whether somebody else than the controller with this key changed a managed resource: it writes its own status and adds its own finalizer itself, and need not run for either. To what was
 * and is not, or is and was not, this does not apply.
 */
export function changedByOthers(key: string): ChangeFilter {
  const changedBesides = changedBesidesStatus(key);
  return ({ previous, next }: Change) =>
    previous === undefined ||
    next === undefined ||
    changedBesides({ previous: withFinalizerOf(previous, next, key), next });
}

/** The former state as if it had had the finalizer already, where that is all that has come since, besides statuses. */
function withFinalizerOf(previous: TypedResource, next: TypedResource, key: string): TypedResource {
  const before = finalizersOf(previous.metadata);
  const now = finalizersOf(next.metadata);
  if (!now.has(key) || before.has(key) || now.size !== before.size + 1) return previous;
  const isAllElse = isDeepStrictEqual(
    { ...previous.metadata, [FINALIZERS_KEY]: "", data: previous.data },
    { ...next.metadata, [FINALIZERS_KEY]: "", data: next.data },
  );
  return isAllElse ? { ...previous, generation: next.generation } : previous;
}
