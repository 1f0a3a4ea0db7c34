export {
  CONTROLLER_LEASES,
  Lease,
  LEASE_STATUS_KEY,
  LEASE_TENANCY,
  LEASE_TIMING,
  leaseNameOf,
  type LeaseTiming,
  SYSTEM_LEASES,
} from "../lease/lease.ts";
export type { LeaseHolder } from "../lease/lease-calls.ts";
export { LeaseKeeper, type LeaseKeeperOptions } from "../lease/lease-keeper.ts";
export { LeaseLostError, type LeaseTerm } from "../lease/lease-term.ts";
export { underLeases, type UnderLeasesOptions } from "../lease/under-leases.ts";
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
export { alwaysHere, type Placed, type Placement, type Tenure } from "./placement.ts";
