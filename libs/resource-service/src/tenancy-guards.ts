import type { RecordInit } from "@trellis/storage";

import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import type { StateView } from "./state-view.ts";
import type { TenancyState, Units, UnitState } from "./tenancy.ts";
import { type Known, whenKnown } from "./when-known.ts";

/**
 * How a tenancy stands for a mutation. A guarded unit is judged by its own record, of which the mutation's commit proves that it is current: an
 * outdated belief of the policy refuses nothing, and a unit that an earlier operation of the same transaction makes is there already.
 */
export function tenancyState(environment: Environment, view: StateView, units: Units): Known<TenancyState> {
  const guarded: Guarded = {};
  const waiting: Promise<void>[] = [];
  for (const { unit, key } of environment.tenancy.guards(units)) {
    const note = (record: RecordInit | undefined): void => void (guarded[unit] = stateOf(record));
    const noted = whenKnown(view.latest(key), note);
    if (noted instanceof Promise) waiting.push(noted);
  }
  const whole = (): Known<TenancyState> => {
    const { partition, namespace } = guarded;
    return partition !== undefined && namespace !== undefined
      ? { partition, namespace }
      : whenKnown(environment.tenancy.state(units), (state) => ({ ...state, ...guarded }));
  };
  return waiting.length === 0 ? whole() : Promise.all(waiting).then(whole);
}

type Guarded = { -readonly [Unit in keyof TenancyState]?: UnitState };

function stateOf(record: RecordInit | undefined): UnitState {
  if (record === undefined) return "absent";
  return record.marked ? "marked" : "live";
}

/** The steps of a commit that make sure that the tenancy takes something new. */
export function guardOperations(environment: Environment, units: Units): readonly PlannedOperation[] {
  return environment.tenancy.guards(units).map(({ key }) => ({
    operation: { kind: "check", key, preconditions: [{ kind: "live" }] },
  }));
}
