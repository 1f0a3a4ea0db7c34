import type { Message } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { restoreConfState } from "./membership.ts";
import { send } from "./send.ts";
import { namesMember, type Snapshot } from "./snapshot.ts";

/** The leader's snapshot, in the place of entries it no longer has (paper §7). */
export function handleSnapshot(raft: RaftState, { from, snapshot }: Message): void {
  const restored = snapshot !== undefined && restore(raft, snapshot);
  const index = restored ? raft.log.lastIndex : raft.log.committed;
  send(raft, { type: "MsgAppResp", to: from, index });
}

/** Replaces the whole log and the configuration; false when the snapshot brings nothing or is not for this node. */
function restore(raft: RaftState, snapshot: Snapshot): boolean {
  const { index, term, confState } = snapshot.metadata;
  if (index <= raft.log.committed) return false;
  if (!namesMember(confState, raft.id)) return false;
  if (raft.log.matches({ index, term })) {
    // The log is the snapshot's up to there: only the commit index is news. What follows may be acknowledged, and stays.
    raft.log.commitTo(index);
    return false;
  }
  raft.log.restore(snapshot);
  restoreConfState(raft, confState);
  raft.configurationIndex = index;
  return true;
}
