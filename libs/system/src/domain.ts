import { type AnyController, defineDomain } from "@trellis/controller";
import type { Clock } from "@trellis/resource";

import { leaseHooks } from "./coordination/hooks.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { reaper } from "./reaper/reaper.ts";
import { namespaceEmptier, partitionEmptier } from "./tenancy/emptiers.ts";
import { namespaceHooks, partitionHooks } from "./tenancy/hooks.ts";
import { Lease, Namespace, Partition, Tombstone } from "./types.ts";

/** The types and rules of the system: tombstones, partitions, namespaces, leases. Servers have them without being asked. */
export const systemDomain = defineDomain({
  types: [Tombstone, Partition, Namespace, Lease],
  hooks: [partitionHooks, namespaceHooks, leaseHooks],
});

/** The controllers of the system. They run with a client that is the system. */
export function systemControllers({ clock }: { readonly clock: Clock }): readonly AnyController[] {
  return [reaper, namespaceEmptier, partitionEmptier, createHeartbeat(clock)];
}
