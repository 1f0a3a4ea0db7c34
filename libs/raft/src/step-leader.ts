import { handleAppendResponse } from "./append-responses.ts";
import { broadcastHeartbeat } from "./heartbeats.ts";
import { checkQuorum, handleHeartbeatResponse, handleSnapshotStatus, handleUnreachable } from "./liveness.ts";
import type { Message } from "./message.ts";
import { propose } from "./proposals.ts";
import type { RaftState } from "./raft-state.ts";
import { readAsLeader } from "./reads.ts";
import type { Progress } from "./tracker/progress.ts";
import { transferLeadership } from "./transfer.ts";

/** What a leader does with a message of its term. Errors: `proposal-dropped`, `read-dropped`. */
export function stepLeader(raft: RaftState, message: Message): void {
  switch (message.type) {
    case "MsgBeat":
      return broadcastHeartbeat(raft);
    case "MsgCheckQuorum":
      return checkQuorum(raft);
    case "MsgProp":
      return propose(raft, message.entries);
    case "MsgReadIndex":
      return readAsLeader(raft, message);
    default: {
      // All else is about a member; from others there is nothing to learn.
      const progress = raft.tracker.get(message.from);
      if (progress !== undefined) stepMember(raft, message, progress);
    }
  }
}

function stepMember(raft: RaftState, message: Message, progress: Progress): void {
  switch (message.type) {
    case "MsgAppResp":
      return handleAppendResponse(raft, message, progress);
    case "MsgHeartbeatResp":
      return handleHeartbeatResponse(raft, message, progress);
    case "MsgSnapStatus":
      return handleSnapshotStatus(progress, message.reject);
    case "MsgUnreachable":
      return handleUnreachable(progress);
    case "MsgTransferLeader":
      return transferLeadership(raft, message.from, progress);
    default:
  }
}
