import { defineDomain } from "@trellis/controller";

import { reaper } from "./reaper/reaper.ts";
import { namespaceEmptier, partitionEmptier } from "./tenancy/emptiers.ts";
import { namespaceHooks, partitionHooks } from "./tenancy/hooks.ts";
import { Namespace, Partition, Tombstone } from "./types.ts";

/** The domain of the system: tombstones and their reaper, partitions and namespaces. Servers have it without being asked. */
export const systemDomain = defineDomain({
  types: [Tombstone, Partition, Namespace],
  hooks: [partitionHooks, namespaceHooks],
  controllers: [reaper, namespaceEmptier, partitionEmptier],
});
