import { violated } from "./invariant.ts";
import { maybeCommit } from "./leader-log.ts";
import type { RaftLog } from "./log/raft-log.ts";
import { none, type LogIndex } from "./numbers.ts";
import { isVoter } from "./quorum/joint.ts";
import type { RaftState } from "./raft-state.ts";
import { releaseEarlyReads, releaseConfirmedReads } from "./reads.ts";
import { broadcastAppend, maybeSendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { ConfState } from "./snapshot.ts";
import { asV2, type ConfChange } from "./confchange/conf-change.ts";
import { changeMembers, type ChangedMembers } from "./confchange/changer.ts";
import { confStatesEqual } from "./confchange/conf-states-equal.ts";
import { restoreMembers } from "./confchange/restore.ts";
import { toConfState } from "./tracker/configuration.ts";
import { abortTransfer } from "./transfer.ts";

/**
 * Makes the committed change at `index` effective. Not if the configuration is already that of a later index: a snapshot may
 * come in while entries before it are still on their way to the application. Errors: `invalid-conf-change`; then nothing is
 * changed.
 */
export function applyConfChange(raft: RaftState, change: ConfChange, index: LogIndex): ConfState {
  const { tracker, log } = raft;
  if (index <= raft.configurationIndex) return toConfState(tracker.configuration);
  const changed = changeMembers({ tracker, lastIndex: log.lastIndex }, asV2(change));
  raft.configurationIndex = index;
  return switchTo(raft, changed);
}

/** Takes over the configuration of a snapshot or of the storage. */
export function restoreConfState(raft: RaftState, state: ConfState): void {
  const { tracker, log } = raft;
  const restored = switchTo(raft, restoreMembers({ tracker, lastIndex: log.lastIndex }, state));
  if (!confStatesEqual(state, restored)) violated("a restored configuration differs from the recorded one");
}

function switchTo(raft: RaftState, { configuration, progress }: ChangedMembers): ConfState {
  raft.tracker.switchTo(configuration, progress);
  const state = toConfState(configuration);
  if (raft.role === "leader") continueAsLeader(raft, state);
  return state;
}

/**
 * Removed or demoted leaders go on, so that the cluster is not without one, unless they are to step down; they count in no
 * quorum. A smaller quorum may have more committed, and a new member should not wait for a heartbeat.
 */
function continueAsLeader(raft: RaftState, state: ConfState): void {
  const own = raft.tracker.get(raft.id);
  if (own === undefined || own.isLearner) {
    if (raft.options.stepDownOnRemoval) becomeFollower(raft, raft.term, none);
    return;
  }
  if (state.voters.length === 0) return;
  if (maybeCommit(raft)) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else {
    for (const id of raft.tracker.progress.keys()) {
      if (id !== raft.id) maybeSendAppend(raft, id, { evenEmpty: false });
    }
  }
  releaseConfirmedReads(raft);
  if (!isVoter(raft.tracker.configuration.voters, raft.transferee)) abortTransfer(raft);
}

/**
 * True when a committed conf change waits to be applied. A node that campaigned then would count votes in a configuration
 * that is over.
 */
export function hasUnappliedConfChange({ log }: RaftState): boolean {
  return hasConfChange(log, log.applied, log.committed);
}

/** True when there is a conf change in the log after `from`, up to `to`. */
export function hasConfChange(log: RaftLog, from: LogIndex, to: LogIndex): boolean {
  return log.nextConfChange(from, to) !== undefined;
}

/**
 * How much of the log is known to be committed by what stands in it: all up to the last conf change but one. A leader takes a
 * change only when it has applied the one before. While a node runs it knows that anyway, since with the later change comes
 * the commit index. But a commit index is not synced; and a node that had forgotten it would count in a configuration two
 * changes old, whose majorities need not meet those of the present one.
 */
export function commitProvenByChanges({ log, options }: RaftState): LogIndex {
  if (options.disableConfChangeValidation) return log.committed;
  let lastButOne = log.committed;
  let last = log.committed;
  const { lastIndex } = log;
  for (
    let next = log.nextConfChange(last, lastIndex);
    next !== undefined;
    next = log.nextConfChange(last, lastIndex)
  ) {
    lastButOne = last;
    last = next;
  }
  return lastButOne;
}
