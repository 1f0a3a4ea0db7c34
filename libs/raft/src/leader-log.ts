import { payloadSize, type Entry, type Proposal } from "./entry.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";

/**
 * Appends a leader's own entries. False, and nothing is changed, when the uncommitted tail would grow beyond its limit.
 *
 * The leader acknowledges them to itself by a message that comes back once they are stored: its disk is one vote among the
 * others, and a quorum may be reached without it (thesis §10.2.1).
 */
export function appendEntries(raft: RaftState, proposals: readonly Proposal[]): boolean {
  if (!admitUncommitted(raft, payloadSize(proposals))) return false;
  const { term } = raft;
  const first = raft.log.lastIndex + 1;
  const entries = proposals.map(({ type, data }, position): Entry => ({
    term,
    index: first + position,
    type,
    data,
  }));
  send(raft, { type: "MsgAppResp", to: raft.id, index: raft.log.append(entries) });
  return true;
}

/**
 * Counts a proposal's payload against the limit. Into an empty tail any proposal goes, however large; and payloads of
 * nothing always go, since a new leader's first entry and the end of a joint configuration must not be refused.
 */
function admitUncommitted(raft: RaftState, bytes: number): boolean {
  const total = raft.uncommittedBytes + bytes;
  if (raft.uncommittedBytes > 0 && bytes > 0 && total > raft.options.maxUncommittedBytes) return false;
  raft.uncommittedBytes = total;
  return true;
}

/** Entries left the tail. Those of former terms were not counted, so the sum stops at 0. */
export function releaseUncommitted(raft: RaftState, entries: readonly Entry[]): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadSize(entries));
}

/** Commits what a quorum has, if it is of this term: entries of former terms only along with it (paper §5.4.2). */
export function maybeCommit(raft: RaftState): boolean {
  return raft.log.maybeCommit({ term: raft.term, index: raft.tracker.committedIndex });
}

/** True once this leader knows that its log has everything ever committed: it has committed an entry of its own. */
export function hasCommittedInTerm(raft: RaftState): boolean {
  return raft.log.term(raft.log.committed) === raft.term;
}
