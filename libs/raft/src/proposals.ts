import { noBytes, type Proposal } from "./entry.ts";
import { RaftError } from "./errors.ts";
import { violated } from "./invariant.ts";
import { appendEntries } from "./leader-log.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend } from "./replication.ts";
import { changeMembers } from "./confchange/changer.ts";
import { asV2, type ConfChange } from "./confchange/conf-change.ts";
import { decodeConfChange } from "./confchange/encoding.ts";

/**
 * Appends proposals and sends them to all members. Conf changes that cannot be taken now become empty entries, whose
 * application tells the proposer. Errors: `proposal-dropped`, and then none of them was appended.
 */
export function propose(raft: RaftState, proposals: readonly Proposal[]): void {
  if (proposals.length === 0) violated("a proposal without entries");
  if (raft.tracker.get(raft.id) === undefined) drop("this node is no member any more; propose to another");
  if (raft.transferee !== none) {
    drop(`leadership is being handed to ${raft.transferee}; propose again when there is a leader`);
  }
  const pendingBefore = raft.pendingConfIndex;
  const admitted = proposals.map((proposal, position) => admitConfChange(raft, proposal, position));
  if (!appendEntries(raft, admitted)) {
    raft.pendingConfIndex = pendingBefore;
    drop(`more than ${raft.options.maxUncommittedBytes} bytes are not committed; propose again later`);
  }
  broadcastAppend(raft);
}

/** The error of a proposal that did not enter any log. */
export function drop(reason: string): never {
  throw new RaftError("proposal-dropped", `the proposal was dropped: ${reason}`);
}

const emptyProposal: Proposal = { type: "EntryNormal", data: noBytes };

/**
 * True when the change will be possible once it is committed: none is under way that could alter the configuration before.
 * One that is not, because it does not fit the joint phase or leaves no voter, would stop every member that applies it.
 */
function isApplicable({ tracker, log }: RaftState, change: ConfChange): boolean {
  try {
    changeMembers({ tracker, lastIndex: log.lastIndex }, asV2(change));
    return true;
  } catch (error) {
    if (!RaftError.is(error) || error.code !== "invalid-conf-change") throw error;
    return false;
  }
}

/** The proposal, or an empty entry in the place of a conf change that cannot be taken. */
function admitConfChange(raft: RaftState, proposal: Proposal, position: number): Proposal {
  const change = decodeConfChange(proposal);
  if (change === undefined) return proposal;
  const isPending = raft.pendingConfIndex > raft.log.applied;
  const isTaken = raft.options.disableConfChangeValidation || (!isPending && isApplicable(raft, change));
  if (!isTaken) return emptyProposal;
  raft.pendingConfIndex = raft.log.lastIndex + position + 1;
  return proposal;
}
