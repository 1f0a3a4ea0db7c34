import { noBytes, type Proposal } from "./entry.ts";
import { RaftError } from "./errors.ts";
import { violated } from "./invariant.ts";
import { appendEntries } from "./leader-log.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { broadcastAppend } from "./replication.ts";
import { asV2 } from "./confchange/conf-change.ts";
import { decodeConfChange } from "./confchange/encoding.ts";
import { isJoint } from "./tracker/configuration.ts";

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

/** The proposal, or an empty entry in the place of a conf change that cannot be taken. */
function admitConfChange(raft: RaftState, proposal: Proposal, position: number): Proposal {
  const change = decodeConfChange(proposal);
  if (change === undefined) return proposal;
  const leavesJoint = asV2(change).changes.length === 0;
  const isPending = raft.pendingConfIndex > raft.log.applied;
  const fits = isJoint(raft.tracker.configuration) === leavesJoint;
  if ((isPending || !fits) && !raft.options.disableConfChangeValidation) return emptyProposal;
  raft.pendingConfIndex = raft.log.lastIndex + position + 1;
  return proposal;
}
