import type { DescMessage } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import { after, defineController, requestOf, type Request, type Result, watch } from "@trellis/controller";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  finalizersOf,
  isMarkedForDeletion,
  type ResourceType,
  type TypedResource,
  withoutFinalizer,
} from "@trellis/resource";

import { Namespace, Partition, Tombstone } from "../types.ts";
import { TENANCY_FINALIZER } from "./hooks.ts";
import { emptyTenancy, type Extent, type Remaining } from "./remaining.ts";

/** The status key under which a tenancy that is being deleted tells what it waits for. */
export const TENANCY_STATUS_KEY = "trellis.dev/tenancy";
/** How soon a tenancy is looked at again that waits for others' finalizers. */
const RECHECK_MS = 1_000;
/** Types that the condition names. */
const TOLD_TYPES = 3;
const WILDCARD = "*";

/** Empties a namespace that is being deleted, then lets it go. */
export const namespaceEmptier = defineController({
  name: "namespace-emptier",
  type: Namespace,
  watches: [watch(Tombstone, ({ resource: { id } }) => namespaceOf(requestOf(id)))],
  reconcile: ({ request: { partition, name }, resource, client, signal }) =>
    emptyAndRelease(
      client,
      Namespace,
      resource,
      { tenancy: { partition, namespace: name }, scope: Scope.NAMESPACE },
      signal,
    ),
});

/** Empties a partition that is being deleted, its namespaces among the rest, then lets it go. */
export const partitionEmptier = defineController({
  name: "partition-emptier",
  type: Partition,
  watches: [watch(Tombstone, ({ resource: { id } }) => partitionOf(requestOf(id)))],
  reconcile: ({ request: { name }, resource, client, signal }) =>
    emptyAndRelease(
      client,
      Partition,
      resource,
      { tenancy: { partition: name, namespace: WILDCARD }, scope: Scope.PARTITION },
      signal,
    ),
});

function namespaceOf({ partition, namespace }: Request): readonly Request[] {
  return namespace === "" ? [] : [{ partition, namespace: "", name: namespace }];
}

function partitionOf({ partition }: Request): readonly Request[] {
  return partition === "" ? [] : [{ partition: "", namespace: "", name: partition }];
}

async function emptyAndRelease<Desc extends DescMessage>(
  client: Client,
  type: ResourceType<Desc>,
  resource: TypedResource<Desc> | undefined,
  extent: Extent,
  signal: AbortSignal,
): Promise<Result | undefined> {
  if (resource === undefined || !isMarkedForDeletion(resource.metadata)) return undefined;
  if (!finalizersOf(resource.metadata).has(TENANCY_FINALIZER)) return undefined;
  const remaining = await emptyTenancy(client, extent, signal);
  if (remaining.length > 0) {
    await client.writeStatus(type, resource, {
      key: TENANCY_STATUS_KEY,
      observedGeneration: resource.generation,
      conditions: [
        {
          type: "Emptied",
          state: Condition_State.FALSE,
          reason: "ResourcesRemain",
          message: told(remaining),
        },
      ],
    });
    return after(RECHECK_MS);
  }
  const { id, metadata, version, data } = resource;
  await client.write(type, {
    ...requestOf(id),
    uid: id.uid,
    version,
    metadata: withoutFinalizer(metadata, TENANCY_FINALIZER),
    data: data as never,
  });
  return undefined;
}

function told(remaining: readonly Remaining[]): string {
  const shown = remaining.slice(0, TOLD_TYPES).map(({ type, count }) => `${count} of ${type}`);
  const more = remaining.length - shown.length;
  return `waits for ${shown.join(", ")}${more > 0 ? ` and ${more} more types` : ""}`;
}
