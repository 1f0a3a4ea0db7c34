import { on } from "@trellis/controller";
import { Lease, LEASE_TENANCY, SYSTEM_LEASES } from "@trellis/controller/runtime";

/**
 * The leases of the system's own controllers are the system's: who could take one could stop them. Those of other controllers are not, because a manager
 * without the cluster's secret is a caller like any other; whoever decides who may write what those controllers write decides about their leases alike.
 */
export const leaseHooks = on(Lease, {
  authorize({ verb, caller, next }) {
    if (verb !== "write" || caller.system || next === undefined) return undefined;
    const { name, tenancy } = next.id;
    const isReserved =
      name.startsWith(SYSTEM_LEASES) &&
      tenancy?.partition === LEASE_TENANCY.partition &&
      tenancy.namespace === LEASE_TENANCY.namespace;
    return isReserved
      ? {
          allowed: false,
          reason: `leases whose names begin with "${SYSTEM_LEASES}" are the system's in this namespace; choose another name`,
        }
      : undefined;
  },
});
