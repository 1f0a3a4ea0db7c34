import { handleAppend, handleHeartbeat } from "./accept-append.ts";
import { countVote } from "./elections.ts";
import { handleSnapshot } from "./install-snapshot.ts";
import type { Message } from "./message.ts";
import { drop } from "./proposals.ts";
import type { RaftState } from "./raft-state.ts";
import { becomeFollower } from "./roles.ts";

/** What a candidate or pre-candidate does with a message of its term. Errors: `proposal-dropped`. */
export function stepCandidate(raft: RaftState, message: Message): void {
  // Somebody else leads this term.
  if (message.type === "MsgApp" || message.type === "MsgHeartbeat" || message.type === "MsgSnap") {
    becomeFollower(raft, message.term, message.from);
  }
  switch (message.type) {
    case "MsgProp":
      return drop(`there is no leader in term ${raft.term}; propose again later`);
    case "MsgApp":
      return handleAppend(raft, message);
    case "MsgHeartbeat":
      return handleHeartbeat(raft, message);
    case "MsgSnap":
      return handleSnapshot(raft, message);
    case "MsgPreVoteResp":
      // Pre-votes that come in during the election itself say nothing about it, and the other way round.
      if (raft.role === "pre-candidate") countVote(raft, message.from, !message.reject);
      return;
    case "MsgVoteResp":
      if (raft.role === "candidate") countVote(raft, message.from, !message.reject);
      return;
    default:
  }
}
