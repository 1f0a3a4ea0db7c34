import type { NodeId } from "../numbers.ts";
import type { ConfState } from "../snapshot.ts";

/** True when two recorded configurations mean the same, whatever the order of their lists. */
export function confStatesEqual(a: ConfState, b: ConfState): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    sameMembers(a.voters, b.voters) &&
    sameMembers(a.votersOutgoing, b.votersOutgoing) &&
    sameMembers(a.learners, b.learners) &&
    sameMembers(a.learnersNext, b.learnersNext)
  );
}

function sameMembers(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  const one = new Set(a);
  const other = new Set(b);
  return one.size === other.size && a.every((id) => other.has(id));
}
