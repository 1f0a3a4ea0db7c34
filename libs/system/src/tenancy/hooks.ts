import { on } from "@trellis/controller";
import type { HookDecision, Hooks } from "@trellis/registry";
import {
  DEFAULT_NAMESPACE,
  DEFAULT_PARTITION,
  finalizersOf,
  isMarkedForDeletion,
  withFinalizer,
} from "@trellis/resource";

import { Namespace, Partition } from "../types.ts";

/** Keeps a partition or namespace until it is empty. */
export const TENANCY_FINALIZER = "trellis.dev/tenancy";

type Metadata = Readonly<Record<string, string>>;
type AuthorizeInput = Parameters<NonNullable<Hooks["authorize"]>>[0];

/** A partition keeps its finalizer until it is empty, and `default` is for ever. */
export const partitionHooks = on(Partition, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  authorize: (input) => refuseRelease(input) ?? refuseMark(input, input.next?.id.name === DEFAULT_PARTITION),
});

/** A namespace keeps its finalizer until it is empty, and `default` of the partition `default` is for ever. */
export const namespaceHooks = on(Namespace, {
  mutate: ({ next }) => keptUntilEmpty(next.metadata),
  authorize: (input) => {
    const { name, tenancy } = input.next?.id ?? {};
    const isDefault = name === DEFAULT_NAMESPACE && tenancy?.partition === DEFAULT_PARTITION;
    return refuseRelease(input) ?? refuseMark(input, isDefault);
  },
});

/** The finalizer belongs to everything that is not being deleted, whatever the writer says. */
function keptUntilEmpty(metadata: Metadata) {
  return isMarkedForDeletion(metadata) ? undefined : { metadata: withFinalizer(metadata, TENANCY_FINALIZER) };
}

/** From what is being deleted the system takes the finalizer, once it is empty; by anybody else's hand it would go with resources still in it. */
function refuseRelease({ verb, caller, next, previous }: AuthorizeInput): HookDecision {
  if (verb !== "write" || caller.system || next === undefined || previous === undefined) return undefined;
  const releases =
    isMarkedForDeletion(previous.metadata) &&
    finalizersOf(previous.metadata).has(TENANCY_FINALIZER) &&
    !finalizersOf(next.metadata).has(TENANCY_FINALIZER);
  return releases
    ? {
        allowed: false,
        reason: `only the system removes the finalizer ${TENANCY_FINALIZER}, once nothing is left in the tenancy; delete what its status says it waits for`,
      }
    : undefined;
}

/** A deletion begins with the mark, and nobody may set it here. Everything else is the authorizer's to decide. */
function refuseMark({ next }: AuthorizeInput, isDefault: boolean): HookDecision {
  return isDefault && next !== undefined && isMarkedForDeletion(next.metadata)
    ? {
        allowed: false,
        reason:
          "the default tenancy is for ever: blank tenancies stand for it; delete the resources in it instead",
      }
    : undefined;
}
