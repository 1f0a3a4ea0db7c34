import { type RecordInit, StandingCheck } from "@trellis/storage";

import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import type { StateView } from "./state-view.ts";
import type { TenancyGuard, TenancyState, Units, UnitState } from "./tenancy.ts";
import { type Known, whenKnownWith } from "./when-known.ts";

/**
 * How a tenancy stands for a mutation. A guarded unit is judged by its own record, of which the mutation's commit proves that it is current: an
 * outdated belief of the policy refuses nothing, and a unit that an earlier operation of the same transaction makes is there already.
 */
export function tenancyState(environment: Environment, view: StateView, units: Units): Known<TenancyState> {
  const guarded: Guarded = { partition: undefined, namespace: undefined };
  let waiting: Promise<void>[] | undefined;
  for (const guard of environment.tenancy.guards(units)) {
    const record = view.latest(guard.key);
    if (record instanceof Promise) (waiting ??= []).push(noteLater(guarded, guard, record));
    else note(guarded, guard, record);
  }
  return waiting === undefined
    ? complete(environment, units, guarded)
    : completeLater(environment, units, guarded, waiting);
}

/** The states of the units that have a guard. */
type Guarded = Record<keyof TenancyState, UnitState | undefined>;

function note(guarded: Guarded, { unit }: TenancyGuard, record: RecordInit | undefined): void {
  const state = stateOf(record);
  // By name: a store under a name that differs is one that V8 has to look up each time.
  if (unit === "partition") guarded.partition = state;
  else guarded.namespace = state;
}

async function noteLater(
  guarded: Guarded,
  guard: TenancyGuard,
  record: Promise<RecordInit | undefined>,
): Promise<void> {
  note(guarded, guard, await record);
}

/** Units without a guard are as the policy says. */
function complete(
  { tenancy }: Pick<Environment, "tenancy">,
  units: Units,
  guarded: Guarded,
): Known<TenancyState> {
  return isComplete(guarded) ? guarded : whenKnownWith(tenancy.state(units), guarded, completed);
}

async function completeLater(
  environment: Pick<Environment, "tenancy">,
  units: Units,
  guarded: Guarded,
  waiting: readonly Promise<void>[],
): Promise<TenancyState> {
  await Promise.all(waiting);
  return await complete(environment, units, guarded);
}

function isComplete(guarded: Guarded): guarded is Record<keyof TenancyState, UnitState> {
  return guarded.partition !== undefined && guarded.namespace !== undefined;
}

function completed(state: TenancyState, { partition, namespace }: Guarded): TenancyState {
  return { partition: partition ?? state.partition, namespace: namespace ?? state.namespace };
}

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
    found = guards.map(({ key }) => ({ operation: new StandingCheck(key, [{ kind: "live" }]) }));
    steps.set(guards, found);
  }
  return found;
}
