import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import type { StateView } from "./state-view.ts";
import type { TenancyState, Units, UnitState } from "./tenancy.ts";

/**
 * How a tenancy stands for a mutation. A guarded unit is judged by its own record, of which the mutation's commit proves that it is current: an
 * outdated belief of the policy refuses nothing, and a unit that an earlier operation of the same transaction makes is there already.
 */
export async function tenancyState(
  environment: Environment,
  view: StateView,
  units: Units,
): Promise<TenancyState> {
  const guarded: Partial<Record<keyof Units, UnitState>> = {};
  for (const { unit, key } of environment.tenancy.guards(units)) {
    const record = await view.latest(key);
    guarded[unit] = record === undefined ? "absent" : record.marked ? "marked" : "live";
  }
  const { partition, namespace } = guarded;
  return partition !== undefined && namespace !== undefined
    ? { partition, namespace }
    : { ...(await environment.tenancy.state(units)), ...guarded };
}

/** The steps of a commit that make sure that the tenancy takes something new. */
export function guardOperations(environment: Environment, units: Units): readonly PlannedOperation[] {
  return environment.tenancy.guards(units).map(({ key }) => ({
    operation: { kind: "check", key, preconditions: [{ kind: "live" }] },
  }));
}
