import { violated } from "./invariant.ts";
import { maybeCommit } from "./leader-log.ts";
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
