/** The system's own types and the controllers that follow them. Servers and controller managers have them without being asked. */
import { defineDomain } from "@trellis/controller";

import { reaper } from "./reaper/reaper.ts";
import { namespaceEmptier, partitionEmptier } from "./tenancy/emptiers.ts";
import { namespaceHooks, partitionHooks } from "./tenancy/hooks.ts";
import { Namespace, Partition, Tombstone } from "./types.ts";

export { ensureDefaultTenancy } from "./tenancy/default-tenancy.ts";
export { TENANCY_STATUS_KEY } from "./tenancy/emptiers.ts";
export { createStoredTenancy } from "./tenancy/stored-tenancy.ts";
export { TENANCY_FINALIZER } from "./tenancy/hooks.ts";
export { Namespace, Partition, Tombstone };

/** The domain of the system: tombstones and their reaper, partitions and namespaces. */
export const systemDomain = defineDomain({
  types: [Tombstone, Partition, Namespace],
  hooks: [partitionHooks, namespaceHooks],
  controllers: [reaper, namespaceEmptier, partitionEmptier],
});
