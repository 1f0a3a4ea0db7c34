import { violated } from "./invariant.ts";
import { Lease } from "./lease.ts";
import { RaftLog } from "./log/raft-log.ts";
import { commitProvenByChanges, restoreConfState } from "./membership.ts";
import { none } from "./numbers.ts";
import { resolveOptions, type RaftOptions } from "./options.ts";
import type { RaftState } from "./raft-state.ts";
import { ReadQueue } from "./read-queue.ts";
import { becomeFollower } from "./roles.ts";
import { isEmptyHardState } from "./hard-state.ts";
import { ProgressTracker } from "./tracker/progress-tracker.ts";

/** Starts, or starts again, from what is stored; always as a follower. Errors: `invalid-options`, `invalid-conf-change`. */
export function startRaft(given: RaftOptions): RaftState {
  const options = resolveOptions(given);
  const { hardState, confState } = options.storage.initialState();
  const raft: RaftState = {
    id: options.id,
    options,
    log: new RaftLog(options.storage, options.maxCommittedBytesPerReady),
    tracker: new ProgressTracker({
      maxMessages: options.maxInflightMessages,
      maxBytes: Number.isFinite(options.maxInflightBytes) ? options.maxInflightBytes : 0,
    }),
    configurationIndex: 0,
    role: "follower",
    term: 0,
    vote: none,
    leader: none,
    electionElapsed: 0,
    heartbeatElapsed: 0,
    randomizedElectionTicks: options.electionTicks,
    transferee: none,
    lease: new Lease(options),
    pendingConfIndex: 0,
    uncommittedBytes: 0,
    reads: new ReadQueue(),
    earlyReads: [],
    readStates: [],
    messages: [],
    messagesAfterAppend: [],
  };
  restoreConfState(raft, confState);
  if (!isEmptyHardState(hardState)) {
    const { lastIndex } = raft.log;
    if (hardState.commit > lastIndex) {
      violated(
        `the stored commit index ${hardState.commit} is beyond the end of the stored log, ${lastIndex}`,
      );
    }
    // It may be less than what a snapshot proves: a commit index alone is not synced.
    raft.log.commitTo(hardState.commit);
    raft.term = hardState.term;
    raft.vote = hardState.vote;
  }
  if (options.applied > 0) {
    // What was applied was committed, even where the record of that was lost: a commit index alone is not synced.
    raft.log.commitTo(options.applied);
    raft.log.appliedTo(options.applied, 0);
  }
  raft.log.commitTo(commitProvenByChanges(raft));
  raft.configurationIndex = raft.log.applied;
  becomeFollower(raft, raft.term, none);
  return raft;
}
