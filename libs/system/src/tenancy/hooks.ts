import { on } from "@trellis/controller";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION, isMarkedForDeletion, withFinalizer } from "@trellis/resource";

import { Namespace, Partition } from "../types.ts";

/** Keeps a partition or namespace until it is empty. */
export const TENANCY_FINALIZER = "trellis.dev/tenancy";

/** A partition keeps its finalizer until it is empty, and `default` is for ever. */
export const partitionHooks = on(Partition, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  validate: ({ next }) => (next.id.name === DEFAULT_PARTITION ? undeletable(next.metadata) : []),
});

/** A namespace keeps its finalizer until it is empty, and `default` of the partition `default` is for ever. */
export const namespaceHooks = on(Namespace, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  validate: ({ next: { id, metadata } }) =>
    id.name === DEFAULT_NAMESPACE && id.tenancy?.partition === DEFAULT_PARTITION ? undeletable(metadata) : [],
});

/** The finalizer belongs to everything that is not being deleted, whatever the writer says. */
function keptUntilEmpty(metadata: Readonly<Record<string, string>>) {
  return isMarkedForDeletion(metadata) ? undefined : { metadata: withFinalizer(metadata, TENANCY_FINALIZER) };
}

function undeletable(metadata: Readonly<Record<string, string>>) {
  return isMarkedForDeletion(metadata)
    ? [
        {
          field: "metadata",
          description: "the default tenancy cannot be deleted: blank tenancies stand for it",
        },
      ]
    : [];
}
