import { hasUnappliedConfChange } from "./membership.ts";
import { isTransferRequest, transferContext, type Message } from "./message.ts";
import { ascending, none, type NodeId } from "./numbers.ts";
import { votersOf } from "./quorum/joint.ts";
import type { RaftState } from "./raft-state.ts";
import { refusalContext } from "./refusal.ts";
import { broadcastAppend } from "./replication.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import { send } from "./send.ts";
import type { VoteResult } from "./quorum/vote-result.ts";

/** `pre-election` asks first, `election` asks for votes, `transfer` does so in the name of the present leader. */
export type CampaignKind = "pre-election" | "election" | "transfer";

/** The election timeout has passed, or somebody wants this node to lead. Nothing happens where it may not. */
export function considerCampaign(raft: RaftState, kind: CampaignKind): void {
  if (raft.role === "leader" || !isPromotable(raft) || hasUnappliedConfChange(raft)) return;
  campaign(raft, kind);
}

/** True for a voter of the configuration it has applied, unless a snapshot is about to replace that. */
export function isPromotable(raft: RaftState): boolean {
  const own = raft.tracker.get(raft.id);
  return own !== undefined && !own.isLearner && !raft.log.hasPendingSnapshot;
}

function campaign(raft: RaftState, kind: CampaignKind): void {
  const isPreElection = kind === "pre-election";
  if (isPreElection) becomePreCandidate(raft);
  else becomeCandidate(raft);
  // A pre-vote is about the next term, which does not begin unless the election is held.
  const term = isPreElection ? raft.term + 1 : raft.term;
  const last = raft.log.lastEntryId;
  for (const id of [...votersOf(raft.tracker.configuration.voters)].sort(ascending)) {
    if (id === raft.id) {
      // The own vote counts once it is stored, like any other.
      send(raft, { type: isPreElection ? "MsgPreVoteResp" : "MsgVoteResp", to: id, term });
    } else {
      send(raft, {
        type: isPreElection ? "MsgPreVote" : "MsgVote",
        to: id,
        term,
        index: last.index,
        logTerm: last.term,
        ...(kind === "transfer" ? { context: transferContext } : {}),
      });
    }
  }
}

/**
 * True when a request for votes is to be ignored, its term included (thesis §4.2.3): this node hears from a leader, so
 * whoever asks is cut off or removed. A transfer is the leader's own wish.
 */
export function isLeaderSticky(raft: RaftState, request: Message): boolean {
  const { checkQuorum, electionTicks } = raft.options;
  const hearsFromLeader = raft.leader !== none && raft.electionElapsed < electionTicks;
  return checkQuorum && hearsFromLeader && !isTransferRequest(request);
}

/** Somebody asks for a vote or pre-vote in this term or, for a pre-vote, a later one (paper §5.2, §5.4.1). */
export function handleVoteRequest(raft: RaftState, request: Message): void {
  const { from, term, index, logTerm } = request;
  const isPreVote = request.type === "MsgPreVote";
  const type = isPreVote ? "MsgPreVoteResp" : "MsgVoteResp";
  const isFree = raft.vote === none && raft.leader === none;
  const mayVote = raft.vote === from || isFree || (isPreVote && term > raft.term);
  // Learners vote too: who asks one knows a configuration in which it is a voter.
  if (!mayVote || !raft.log.isUpToDate({ index, term: logTerm })) {
    send(raft, { type, to: from, term: raft.term, reject: true, context: refusalContext(raft) });
    return;
  }
  // With the request's term: the own one may be lower, and would be ignored.
  send(raft, { type, to: from, term });
  if (isPreVote) return;
  raft.electionElapsed = 0;
  raft.vote = from;
}

/** A vote or pre-vote has come in, of the kind this candidate asked for. */
export function countVote(raft: RaftState, from: NodeId, granted: boolean): void {
  raft.tracker.recordVote(from, granted);
  const result: VoteResult = raft.tracker.tallyVotes().result;
  if (result === "lost") {
    becomeFollower(raft, raft.term, none);
  } else if (result === "won" && raft.role === "pre-candidate") {
    campaign(raft, "election");
  } else if (result === "won") {
    becomeLeader(raft);
    broadcastAppend(raft);
  }
}
