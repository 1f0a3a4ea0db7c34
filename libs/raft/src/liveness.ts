import type { Message } from "./message.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { releaseConfirmedReads } from "./reads.ts";
import { sendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { Progress } from "./tracker/progress.ts";

/** A member answered a heartbeat: it lives, may be sent something again, and has confirmed the reads that were named. */
export function handleHeartbeatResponse(raft: RaftState, response: Message, progress: Progress): void {
  progress.recentActive = true;
  progress.appendsPaused = false;
  // A member that has everything but is being probed needs an empty append, to answer and be replicated to again.
  if (progress.match < raft.log.lastIndex || progress.state === "probe") sendAppend(raft, response.from);
  if (response.context.length === 0) return;
  raft.reads.acknowledge(response.from, response.context);
  releaseConfirmedReads(raft);
}

/** Once per election timeout: a leader that has not heard from a quorum cannot know that it still leads (thesis §6.2). */
export function checkQuorum(raft: RaftState): void {
  if (!raft.tracker.isQuorumActive) becomeFollower(raft, raft.term, none);
  for (const [id, progress] of raft.tracker.progress) {
    if (id !== raft.id) progress.recentActive = false;
  }
}

/** The transport could not reach a member: appends under way are probably lost. */
export function handleUnreachable(progress: Progress): void {
  if (progress.state === "replicate") progress.becomeProbe();
}

/**
 * The transport has delivered a snapshot, or failed to. In both cases the member is probed again, from the snapshot's end or
 * from before it; but not before it answers, or a heartbeat interval is over.
 */
export function handleSnapshotStatus(progress: Progress, failed: boolean): void {
  if (progress.state !== "snapshot") return;
  if (failed) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  progress.appendsPaused = true;
}
