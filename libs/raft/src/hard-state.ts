import type { LogIndex, NodeId, Term } from "./numbers.ts";

/** The state that must survive a crash (paper figure 2). Term and vote belong in one atomic record. */
export interface HardState {
  readonly term: Term;
  /** Who got this node's vote in `term`; 0 when nobody did. */
  readonly vote: NodeId;
  /** A lower bound of what is committed. May be lost without harm: a change of it alone needs no sync. */
  readonly commit: LogIndex;
}

/** The hard state of a node that has never run. */
export const emptyHardState: HardState = { term: 0, vote: 0, commit: 0 };

export function isEmptyHardState(state: HardState): boolean {
  return hardStatesEqual(state, emptyHardState);
}

export function hardStatesEqual(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}

/** What a node does in its term. A pre-candidate asks whether it could win before it disturbs anybody (thesis §9.6). */
export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** The state that is of interest to the driver and need not be stored. */
export interface SoftState {
  /** The leader as far as this node knows; 0 when it knows none. */
  readonly leader: NodeId;
  readonly role: Role;
}

export function softStatesEqual(a: SoftState, b: SoftState): boolean {
  return a.leader === b.leader && a.role === b.role;
}
