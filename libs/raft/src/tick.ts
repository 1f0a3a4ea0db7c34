import { leaveJointIfDue } from "./applied.ts";
import { isPromotable } from "./elections.ts";
import { message } from "./message.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { step } from "./step.ts";
import { abortTransfer } from "./transfer.ts";

/** A unit of time has passed; how long it is, only the driver knows. */
export function tick(raft: RaftState): void {
  if (raft.role === "leader") tickHeartbeat(raft);
  else tickElection(raft);
}

function tickElection(raft: RaftState): void {
  raft.electionElapsed++;
  if (!isPromotable(raft) || raft.electionElapsed < raft.randomizedElectionTicks) return;
  raft.electionElapsed = 0;
  step(raft, message({ type: "MsgHup", from: raft.id }));
}

function tickHeartbeat(raft: RaftState): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  raft.lease.tick();
  if (raft.electionElapsed >= raft.options.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.options.checkQuorum) step(raft, message({ type: "MsgCheckQuorum", from: raft.id }));
    // A transfer that has not succeeded in this time has failed.
    if (raft.role === "leader" && raft.transferee !== none) {
      abortTransfer(raft);
      leaveJointIfDue(raft);
    }
  }
  // The check may have ended the leadership.
  if (raft.role !== "leader" || raft.heartbeatElapsed < raft.options.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  step(raft, message({ type: "MsgBeat", from: raft.id }));
}
