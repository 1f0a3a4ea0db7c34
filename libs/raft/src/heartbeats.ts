import type { NodeId } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";

/** One heartbeat to every member; it carries the newest read that waits, if any, or what a lease is counted by. */
export function broadcastHeartbeat(raft: RaftState): void {
  if (raft.options.readOnly === "lease-based") raft.lease.roundSent(raft.reads.beginRound());
  const context = raft.reads.heartbeatContext;
  for (const id of raft.tracker.progress.keys()) {
    if (id !== raft.id) sendHeartbeat(raft, id, context);
  }
}

function sendHeartbeat(raft: RaftState, to: NodeId, context: Uint8Array): void {
  const progress = raft.tracker.get(to);
  if (progress === undefined) return;
  // The follower's log is known to equal ours only up to its match: beyond, it must not commit.
  const commit = Math.min(progress.match, raft.log.committed);
  send(raft, { type: "MsgHeartbeat", to, commit, context });
  progress.noteSentCommit(commit);
}
