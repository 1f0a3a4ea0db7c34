import type { RecordInit } from "@trellis/storage";

import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import type { StateView } from "./state-view.ts";
import type { TenancyGuard, TenancyState, Units, UnitState } from "./tenancy.ts";
import { type Known, whenKnown } from "./when-known.ts";

/**
 * How a tenancy stands for a mutation. A guarded unit is judged by its own record, of which the mutation's commit proves that it is current: an
 * outdated belief of the policy refuses nothing, and a unit that an earlier operation of the same transaction makes is there already.
 */
export function tenancyState(environment: Environment, view: StateView, units: Units): Known<TenancyState> {
  const guarded: Guarded = { partition: undefined, namespace: undefined };
  let waiting: Promise<void>[] | undefined;
  for (const { unit, key } of environment.tenancy.guards(units)) {
    const record = view.latest(key);
    if (!(record instanceof Promise)) guarded[unit] = stateOf(record);
    else (waiting ??= []).push(record.then((found) => void (guarded[unit] = stateOf(found))));
  }
  return waiting === undefined
    ? whole(environment, units, guarded)
    : Promise.all(waiting).then(() => whole(environment, units, guarded));
}

/** Units without a guard are as the policy says. */
function whole(
  { tenancy }: Pick<Environment, "tenancy">,
  units: Units,
  { partition, namespace }: Guarded,
): Known<TenancyState> {
  return partition !== undefined && namespace !== undefined
    ? { partition, namespace }
    : whenKnown(tenancy.state(units), (state) => ({
        partition: partition ?? state.partition,
        namespace: namespace ?? state.namespace,
      }));
}

type Guarded = Record<keyof TenancyState, UnitState | undefined>;

function stateOf(record: RecordInit | undefined): UnitState {
  if (record === undefined) return "absent";
  return record.marked ? "marked" : "live";
}

/** By guards: a policy gives the same for the same units, as a rule. */
const steps = new WeakMap<readonly TenancyGuard[], readonly PlannedOperation[]>();

/** The steps of a commit that make sure that the tenancy takes something new. */
export function guardOperations(environment: Environment, units: Units): readonly PlannedOperation[] {
  const guards = environment.tenancy.guards(units);
  let found = steps.get(guards);
  if (found === undefined) {
    found = guards.map(({ key }) => ({
      operation: { kind: "check", key, preconditions: [{ kind: "live" }] },
    }));
    steps.set(guards, found);
  }
  return found;
}
