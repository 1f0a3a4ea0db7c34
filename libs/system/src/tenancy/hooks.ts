import { on } from "@trellis/controller";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION, isMarkedForDeletion, withFinalizer } from "@trellis/resource";

import { Namespace, Partition } from "../types.ts";

/** Keeps a partition or namespace until it is empty. */
export const TENANCY_FINALIZER = "trellis.dev/tenancy";

type Metadata = Readonly<Record<string, string>>;

/** A partition keeps its finalizer until it is empty, and `default` is for ever. */
export const partitionHooks = on(Partition, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  authorize: ({ next }) => (next?.id.name === DEFAULT_PARTITION ? unlessMarked(next.metadata) : undefined),
});

/** A namespace keeps its finalizer until it is empty, and `default` of the partition `default` is for ever. */
export const namespaceHooks = on(Namespace, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  authorize: ({ next }) =>
    next?.id.name === DEFAULT_NAMESPACE && next.id.tenancy?.partition === DEFAULT_PARTITION
      ? unlessMarked(next.metadata)
      : undefined,
});

/** The finalizer belongs to everything that is not being deleted, whatever the writer says. */
function keptUntilEmpty(metadata: Metadata) {
  return isMarkedForDeletion(metadata) ? undefined : { metadata: withFinalizer(metadata, TENANCY_FINALIZER) };
}

/** A deletion begins with the mark, and nobody may set it here. Everything else is the authorizer's to decide. */
function unlessMarked(metadata: Metadata) {
  return isMarkedForDeletion(metadata)
    ? { allowed: false as const, reason: "the default tenancy is for ever: blank tenancies stand for it" }
    : undefined;
}
