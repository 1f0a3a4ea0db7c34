import type { Message } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";

/** The leader's append (paper figure 2, receiver of AppendEntries). */
export function handleAppend(raft: RaftState, append: Message): void {
  const { from, index, logTerm, entries, commit } = append;
  if (index < raft.log.committed) {
    // What is committed is equal everywhere: the leader may go on from there.
    send(raft, { type: "MsgAppResp", to: from, index: raft.log.committed });
    return;
  }
  const last = raft.log.maybeAppend({ index, term: logTerm }, entries, commit);
  if (last !== undefined) {
    send(raft, { type: "MsgAppResp", to: from, index: last });
    return;
  }
  // Entries of higher terms than the leader's at this place cannot be in its log: the hint skips them all.
  const hint = raft.log.findConflictByTerm(Math.min(index, raft.log.lastIndex), logTerm);
  send(raft, {
    type: "MsgAppResp",
    to: from,
    index,
    reject: true,
    rejectHint: hint.index,
    logTerm: hint.term,
  });
}

/** The leader lives, and tells how far this log is committed: never further than it is known to equal the leader's. */
export function handleHeartbeat(raft: RaftState, { from, commit, context }: Message): void {
  raft.log.commitTo(commit);
  send(raft, { type: "MsgHeartbeatResp", to: from, context });
}
