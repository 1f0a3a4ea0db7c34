import { leaveJointIfDue } from "./applied.ts";
import { none, type NodeId } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { sendAppend } from "./replication.ts";
import { send } from "./send.ts";
import type { Progress } from "./tracker/progress.ts";

/**
 * Hands leadership to a voter (thesis §3.10): proposals stop, the target is brought up to date, then told to campaign at
 * once. A second request for another target replaces the first; it ends after one election timeout at the latest.
 */
export function transferLeadership(raft: RaftState, target: NodeId, progress: Progress): void {
  if (progress.isLearner || raft.transferee === target) return;
  abortTransfer(raft);
  if (target === raft.id) return leaveJointIfDue(raft);
  raft.electionElapsed = 0;
  raft.transferee = target;
  if (!maybeSendTimeoutNow(raft, target, progress)) sendAppend(raft, target);
}

/** Tells the target to campaign if it has the whole log. */
export function maybeSendTimeoutNow(raft: RaftState, target: NodeId, progress: Progress): boolean {
  if (raft.transferee !== target || progress.match !== raft.log.lastIndex) return false;
  raft.lease.void();
  send(raft, { type: "MsgTimeoutNow", to: target });
  return true;
}

/** Takes proposals again. A target that was already told to campaign may still win. */
export function abortTransfer(raft: RaftState): void {
  raft.transferee = none;
}
