import { handleAppend, handleHeartbeat } from "./accept-append.ts";
import { considerCampaign } from "./elections.ts";
import { handleSnapshot } from "./install-snapshot.ts";
import type { Message } from "./message.ts";
import { none } from "./numbers.ts";
import { drop } from "./proposals.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";

/** What a follower or learner does with a message of its term. Errors: `proposal-dropped`. */
export function stepFollower(raft: RaftState, message: Message): void {
  switch (message.type) {
    case "MsgProp":
      return forwardProposal(raft, message);
    case "MsgApp":
      followLeader(raft, message);
      return handleAppend(raft, message);
    case "MsgHeartbeat":
      followLeader(raft, message);
      return handleHeartbeat(raft, message);
    case "MsgSnap":
      followLeader(raft, message);
      return handleSnapshot(raft, message);
    case "MsgTransferLeader":
    case "MsgReadIndex":
      return forward(raft, message);
    case "MsgForgetLeader":
      return forgetLeader(raft);
    case "MsgTimeoutNow":
      // Never with a pre-vote: the leader has made sure that this node can win.
      return considerCampaign(raft, "transfer");
    case "MsgReadIndexResp":
      return takeReadState(raft, message);
    default:
  }
}

function followLeader(raft: RaftState, { from }: Message): void {
  raft.electionElapsed = 0;
  raft.leader = from;
}

function forwardProposal(raft: RaftState, message: Message): void {
  if (raft.leader === none) drop(`there is no leader in term ${raft.term}; propose again later`);
  if (raft.options.disableProposalForwarding) drop(`this node forwards nothing; propose to ${raft.leader}`);
  forward(raft, message);
}

/** Sends a client's request on to the leader. Without one it is lost, as on the way: who asked must ask again. */
function forward(raft: RaftState, message: Message): void {
  if (raft.leader !== none) send(raft, { ...message, to: raft.leader, term: 0 });
}

/**
 * Forgets who leads, but neither term nor vote, so that pre-votes can be granted before the election timeout. With leases
 * it would break the leader's.
 */
function forgetLeader(raft: RaftState): void {
  if (raft.options.readOnly !== "lease-based") raft.leader = none;
}

function takeReadState(raft: RaftState, { index, entries }: Message): void {
  const context = entries[0]?.data;
  if (context !== undefined) raft.readStates.push({ index, context });
}
