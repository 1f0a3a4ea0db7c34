import { entriesApplied, snapshotApplied } from "./applied.ts";
import { considerCampaign, handleVoteRequest, isLeaderSticky } from "./elections.ts";
import type { Message } from "./message.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { learnFromRefusal, refusalContext } from "./refusal.ts";
import { becomeFollower } from "./roles.ts";
import { send } from "./send.ts";
import { stepCandidate } from "./step-candidate.ts";
import { stepFollower } from "./step-follower.ts";
import { stepLeader } from "./step-leader.ts";

/**
 * The one door through which everything comes in: messages of others, of the local threads, and of this node to itself.
 * Errors: `proposal-dropped`, `read-dropped`; then nothing was changed.
 */
export function step(raft: RaftState, message: Message): void {
  // First of all: it holds in whatever term it was said.
  learnFromRefusal(raft, message);
  // Term 0 is outside all terms: local messages, forwarded requests.
  if (message.term > raft.term) {
    if (!enterLaterTerm(raft, message)) return;
  } else if (message.term > 0 && message.term < raft.term) {
    answerEarlierTerm(raft, message);
    return;
  }
  switch (message.type) {
    case "MsgHup":
      return considerCampaign(raft, raft.options.preVote ? "pre-election" : "election");
    case "MsgVote":
    case "MsgPreVote":
      return handleVoteRequest(raft, message);
    case "MsgStorageAppendResp":
      if (message.index > 0) raft.log.unstable.stableTo({ index: message.index, term: message.logTerm });
      if (message.snapshot !== undefined) snapshotApplied(raft, message.snapshot);
      return;
    case "MsgStorageApplyResp":
      return entriesApplied(raft, message.entries);
    default:
      return stepRole(raft, message);
  }
}

function stepRole(raft: RaftState, message: Message): void {
  switch (raft.role) {
    case "leader":
      return stepLeader(raft, message);
    case "candidate":
    case "pre-candidate":
      return stepCandidate(raft, message);
    case "follower":
      return stepFollower(raft, message);
  }
}

/** Whoever sees a later term follows in it (paper §5.1), with three exceptions. False when the message is to be ignored. */
function enterLaterTerm(raft: RaftState, message: Message): boolean {
  const { type, term, from } = message;
  if ((type === "MsgVote" || type === "MsgPreVote") && isLeaderSticky(raft, message)) return false;
  // A pre-vote is about a term that has not begun, and a granted one repeats the number this node asked about. A refused
  // one carries the term of who refused, which has begun.
  if (type === "MsgPreVote" || (type === "MsgPreVoteResp" && !message.reject)) return true;
  const isFromLeader = type === "MsgApp" || type === "MsgHeartbeat" || type === "MsgSnap";
  becomeFollower(raft, term, isFromLeader ? from : none);
  return true;
}

/** Messages of a past term change nothing; two kinds of sender need to be told that their term is over. */
function answerEarlierTerm(raft: RaftState, message: Message): void {
  const { type, from } = message;
  const { checkQuorum, preVote } = raft.options;
  if ((checkQuorum || preVote) && (type === "MsgHeartbeat" || type === "MsgApp")) {
    // This node's term may be ahead because it campaigned while cut off. It will not disturb the others with it, but its
    // leader must learn of the term, or the two would ignore each other for ever.
    send(raft, { type: "MsgAppResp", to: from });
  } else if (type === "MsgPreVote") {
    // Silence would leave a pre-candidate with a lower term and a better log waiting, and all others too.
    const context = refusalContext(raft);
    send(raft, { type: "MsgPreVoteResp", to: from, term: raft.term, reject: true, context });
  } else if (type === "MsgStorageAppendResp" && message.snapshot !== undefined) {
    // A snapshot is committed state, in whatever term it was stored. Entries are not: since then they may have been
    // replaced by others at the same indexes and, back again, by others still, so this answer proves nothing of them.
    snapshotApplied(raft, message.snapshot);
  }
}
