export {
  CONTROLLER_LEASES,
  Lease,
  LEASE_STATUS_KEY,
  LEASE_TENANCY,
  LEASE_TIMING,
  leaseNameOf,
  type LeaseTiming,
  shardLeaseNameOf,
  SYSTEM_LEASES,
} from "../lease/lease.ts";
export type { LeaseHolder } from "../lease/lease-calls.ts";
export { LeaseKeeper, type LeaseKeeperOptions } from "../lease/lease-keeper.ts";
export { LeaseLostError, type LeaseTerm } from "../lease/lease-term.ts";
export { underLeases, type UnderLeasesOptions } from "../lease/under-leases.ts";
export type { Division, WantedLease } from "../lease/wanted-lease.ts";
export {
  type ControllerRuntime,
  type ControllerRuntimeOptions,
  type ControllerStatus,
  createControllerRuntime,
  type RuntimeStatus,
} from "./controller-runtime.ts";
export {
  type ControllersPart,
  type ControllersPartOptions,
  createControllersPart,
} from "./controllers-part.ts";
export { type Caches, type CachesOptions, createCaches } from "./caches.ts";
export type { EventFilter, ResourceEvent } from "./event-log.ts";
export { HOT_LOOP_LIMITS, type HotLoopLimits, type HotName } from "./hot-loops.ts";
export { createManagerPart, type ManagerPart, type ManagerPartOptions } from "./manager-part.ts";
export { UnleasedWriteError } from "./member-client.ts";
export {
  alwaysHere,
  type Placed,
  type PlacedDefinition,
  type Placement,
  type Tenure,
  type TenureEnd,
} from "./placement.ts";
export { type Shard, shardOf } from "./shard-of.ts";
