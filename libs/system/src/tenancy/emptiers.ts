import {
  after,
  defineController,
  done,
  type ReconcileContext,
  type Request,
  requestOf,
  type Result,
  watch,
} from "@trellis/controller";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import { Namespace, Partition, Tombstone } from "../types.ts";
import { TENANCY_FINALIZER } from "./hooks.ts";
import { emptyTenancy, type Extent, type Remaining } from "./remaining.ts";

/** The status key under which a tenancy that is being deleted tells what it waits for. */
export const TENANCY_STATUS_KEY = TENANCY_FINALIZER;
/** How soon a tenancy is looked at again that waits for others' finalizers. */
const RECHECK_MS = 1_000;
/** Types that the condition names. */
const TOLD_TYPES = 3;
const WILDCARD = "*";

/** Empties a namespace that is being deleted, then lets it go. */
export const namespaceEmptier = defineController({
  name: "namespace-emptier",
  key: TENANCY_FINALIZER,
  type: Namespace,
  watches: [watch(Tombstone, ({ resource: { id } }) => namespaceOf(requestOf(id)))],
  reconcile: nothing,
  finalize: (context) => {
    const { partition, name } = context.request;
    return empty(context, { tenancy: { partition, namespace: name }, scope: Scope.NAMESPACE });
  },
});

/** Empties a partition that is being deleted, its namespaces among the rest, then lets it go. */
export const partitionEmptier = defineController({
  name: "partition-emptier",
  key: TENANCY_FINALIZER,
  type: Partition,
  watches: [watch(Tombstone, ({ resource: { id } }) => partitionOf(requestOf(id)))],
  reconcile: nothing,
  finalize: (context) => {
    const { name } = context.request;
    return empty(context, { tenancy: { partition: name, namespace: WILDCARD }, scope: Scope.PARTITION });
  },
});

/** A tenancy that is not being deleted needs nothing but its finalizer. */
async function nothing(): Promise<void> {}

function namespaceOf({ partition, namespace }: Request): readonly Request[] {
  return namespace === "" ? [] : [{ partition, namespace: "", name: namespace }];
}

function partitionOf({ partition }: Request): readonly Request[] {
  return partition === "" ? [] : [{ partition: "", namespace: "", name: partition }];
}

async function empty(
  { client, status, signal }: Pick<ReconcileContext, "client" | "status" | "signal">,
  extent: Extent,
): Promise<Result> {
  const remaining = await emptyTenancy(client, extent, signal);
  if (remaining.length === 0) return done;
  status.set("Emptied", false, { reason: "ResourcesRemain", message: told(remaining) });
  return after(RECHECK_MS);
}

function told(remaining: readonly Remaining[]): string {
  const shown = remaining.slice(0, TOLD_TYPES).map(({ type, count }) => `${count} of ${type}`);
  const more = remaining.length - shown.length;
  return `waits for ${shown.join(", ")}${more > 0 ? ` and ${more} more types` : ""}`;
}
