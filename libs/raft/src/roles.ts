import { noBytes } from "./entry.ts";
import { violated } from "./invariant.ts";
import { appendEntries } from "./leader-log.ts";
import { Lease } from "./lease.ts";
import { none, type NodeId, type Term } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { ReadQueue } from "./read-queue.ts";
import { Progress } from "./tracker/progress.ts";

/** Follows in a term, the same or a later one; within the same term the vote is kept. */
export function becomeFollower(raft: RaftState, term: Term, leader: NodeId): void {
  reset(raft, term);
  raft.leader = leader;
  raft.role = "follower";
}

/** Asks for votes in the next term, its own being the first (paper §5.2). */
export function becomeCandidate(raft: RaftState): void {
  if (raft.role === "leader") violated("a leader cannot become candidate");
  reset(raft, raft.term + 1);
  raft.vote = raft.id;
  raft.role = "candidate";
}

/** Asks whether it could win. Neither term nor vote change: that is the point of it. */
export function becomePreCandidate(raft: RaftState): void {
  if (raft.role === "leader") violated("a leader cannot become pre-candidate");
  raft.tracker.resetVotes();
  raft.leader = none;
  raft.role = "pre-candidate";
}

/** Leads the present term. An empty entry of the term is appended: committing it commits all before it (paper §8). */
export function becomeLeader(raft: RaftState): void {
  if (raft.role === "follower") violated("a follower cannot become leader without an election");
  reset(raft, raft.term);
  raft.leader = raft.id;
  raft.role = "leader";
  const own = raft.tracker.get(raft.id);
  if (own === undefined) violated("a node outside the configuration cannot become leader");
  own.becomeReplicate();
  own.recentActive = true;
  // Some entry of the tail may be a conf change. Instead of looking for it, treat the last entry as one.
  raft.pendingConfIndex = raft.log.lastIndex;
  if (!appendEntries(raft, [{ type: "EntryNormal", data: noBytes }])) {
    violated("the first entry of a leader was refused");
  }
}

function reset(raft: RaftState, term: Term): void {
  if (term < raft.term) violated(`the term cannot fall from ${raft.term} to ${term}`);
  if (raft.term !== term) {
    raft.term = term;
    raft.vote = none;
  }
  raft.leader = none;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  redrawElectionTimeout(raft);
  raft.transferee = none;
  raft.lease = new Lease(raft.options);
  raft.pendingConfIndex = 0;
  raft.uncommittedBytes = 0;
  raft.reads = new ReadQueue();
  raft.earlyReads = [];
  raft.tracker.resetVotes();
  const last = raft.log.lastIndex;
  raft.tracker.resetProgress(
    (id, { isLearner }) =>
      new Progress({
        next: last + 1,
        match: id === raft.id ? last : 0,
        isLearner,
        inflights: raft.tracker.newInflights(),
      }),
  );
}

/** Uniform in [T, 2T - 1], so that seldom two nodes time out together (paper §5.2). */
function redrawElectionTimeout(raft: RaftState): void {
  const { electionTicks, random } = raft.options;
  const extra = random(electionTicks);
  if (!Number.isInteger(extra) || extra < 0 || extra >= electionTicks) {
    violated(`random(${electionTicks}) must be an integer in [0, ${electionTicks}), it was ${extra}`);
  }
  raft.randomizedElectionTicks = electionTicks + extra;
}
