export { systemControllers, systemDomain } from "./domain.ts";
export { HEARTBEAT_INTERVAL_MS, HEARTBEAT_KEY } from "./heartbeat.ts";
export { type ServedResources, type ServedResourcesDeps, serveResources } from "./served-resources.ts";
export { ensureDefaultTenancy } from "./tenancy/default-tenancy.ts";
export { TENANCY_STATUS_KEY } from "./tenancy/emptiers.ts";
export { TENANCY_FINALIZER } from "./tenancy/hooks.ts";
export { createStoredTenancy } from "./tenancy/stored-tenancy.ts";
export { Lease, Namespace, Partition, Tombstone } from "./types.ts";
