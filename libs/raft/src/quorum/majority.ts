import { ascending, type LogIndex, type NodeId } from "../numbers.ts";
import type { VoteResult } from "./vote-result.ts";

/** A set of voters that decides by simple majority (paper §5.2, §5.3). */
export type Majority = ReadonlySet<NodeId>;

/** What is known of a voter's log: the highest index it acknowledged, undefined when nothing was heard. */
export type Acknowledged = (id: NodeId) => LogIndex | undefined;

/**
 * The highest index that a majority has acknowledged; unknown counts as 0. The empty set has acknowledged everything
 * (infinity), which makes it the neutral half of a joint quorum.
 */
export function majorityCommittedIndex(voters: Majority, acknowledged: Acknowledged): LogIndex {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const indexes: LogIndex[] = [];
  for (const id of voters) indexes.push(acknowledged(id) ?? 0);
  indexes.sort(ascending);
  // A majority is floor(n/2) + 1 voters; as many have at least the index that stands so many places from the end.
  return indexes[indexes.length - (Math.floor(indexes.length / 2) + 1)] ?? 0;
}

/** The outcome of an election in this set; absent voters have not answered. The empty set elects everybody. */
export function majorityVoteResult(voters: Majority, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.size === 0) return "won";
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const needed = Math.floor(voters.size / 2) + 1;
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

/** As `(1 2 3)`, ascending. */
export function describeMajority(voters: Majority): string {
  return `(${[...voters].sort(ascending).join(" ")})`;
}

/**
 * A table with one line per voter, ascending by id: a bar as long as the number of voters behind it, its index, its id in
 * hexadecimal. For people and for recorded scripts.
 */
export function describeAcknowledged(voters: Majority, acknowledged: Acknowledged): string {
  const count = voters.size;
  if (count === 0) return "<empty majority quorum>";
  const ids = [...voters].sort(ascending);
  const rows = ids.map((id) => {
    const index = acknowledged(id);
    const bar = ids.filter((other) => (acknowledged(other) ?? 0) < (index ?? 0)).length;
    const drawn =
      index === undefined ? `?${" ".repeat(count)}` : `${"x".repeat(bar)}>${" ".repeat(count - bar)}`;
    return `${drawn} ${String(index ?? 0).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${" ".repeat(count)}    idx\n${rows.join("")}`;
}
