import type { LogIndex, NodeId } from "../numbers.ts";
import {
  describeMajority,
  majorityCommittedIndex,
  majorityVoteResult,
  type Acknowledged,
  type Majority,
} from "./majority.ts";
import type { VoteResult } from "./vote-result.ts";

/**
 * Two majorities that must both agree (paper §6). Outside a membership change `outgoing` is empty, and the decision is
 * `incoming`'s alone.
 */
export interface JointQuorum {
  readonly incoming: Majority;
  readonly outgoing: Majority;
}

/** The voters of either half. */
export function votersOf({ incoming, outgoing }: JointQuorum): ReadonlySet<NodeId> {
  return outgoing.size === 0 ? incoming : new Set([...incoming, ...outgoing]);
}

/** True for a voter of either half. */
export function isVoter({ incoming, outgoing }: JointQuorum, id: NodeId): boolean {
  return incoming.has(id) || outgoing.has(id);
}

/** The highest index that both halves have committed; infinity when there are no voters at all. */
export function jointCommittedIndex(
  { incoming, outgoing }: JointQuorum,
  acknowledged: Acknowledged,
): LogIndex {
  return Math.min(
    majorityCommittedIndex(incoming, acknowledged),
    majorityCommittedIndex(outgoing, acknowledged),
  );
}

/** Lost when either half has lost, won when both have won. */
export function jointVoteResult(quorum: JointQuorum, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityVoteResult(quorum.incoming, votes);
  const outgoing = majorityVoteResult(quorum.outgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

/** As `(1 2 3)&&(2 3 4)`; the second half only when there is one. */
export function describeJoint({ incoming, outgoing }: JointQuorum): string {
  const first = describeMajority(incoming);
  return outgoing.size === 0 ? first : `${first}&&${describeMajority(outgoing)}`;
}
