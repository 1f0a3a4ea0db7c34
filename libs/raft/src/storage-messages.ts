import type { Entry } from "./entry.ts";
import { message, type Message } from "./message.ts";
import { appendThread, applyThread } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import type { Ready } from "./ready.ts";

/**
 * Work for the append thread: store entries, hard state and snapshot, then deliver the responses. None when there is nothing
 * to store and nothing that waits for what is being stored.
 *
 * Among the responses of a leader its own MsgAppResp comes before the MsgStorageAppendResp, so that the terms it asks for
 * are still in memory.
 */
export function storageAppendMessage(raft: RaftState, ready: Ready): Message[] {
  const { entries, hardState, snapshot } = ready;
  const waiting = raft.messagesAfterAppend;
  const hasWork = entries.length > 0 || hardState !== undefined || snapshot !== undefined;
  if (!hasWork && waiting.length === 0) return [];
  const work = message({
    type: "MsgStorageAppend",
    to: appendThread,
    from: raft.id,
    entries,
    snapshot,
    // All 0 when the hard state has not changed: then there is none to store.
    term: hardState?.term ?? 0,
    vote: hardState?.vote ?? 0,
    commit: hardState?.commit ?? 0,
    responses: [...waiting, ...storageAppendResponse(raft, ready)],
  });
  return [work];
}

/**
 * Tells this node what is stored once all writes so far are done: the last entry, and the snapshot. None when everything is
 * stored already.
 *
 * It names the last entry even when this Ready has none: writes happen in order, so all earlier ones are done too. And it
 * carries the present term, because it is valid in no other. Otherwise this could happen: entry (5, 10) is being written;
 * a leader of term 6 replaces it by (6, 10); a leader of term 7 restores (5, 10), and then comes the answer to the first
 * write. Index and term agree, yet on disk is, or will be, (6, 10). Since the term is part of the answer, it is ignored,
 * and an answer of term 7 will come: for this entry if it is still the last, or for a later one.
 */
export function storageAppendResponse(raft: RaftState, ready: Ready): Message[] {
  const hasUnstable = raft.log.unstable.entries.length > 0;
  if (!hasUnstable && ready.snapshot === undefined) return [];
  const last = hasUnstable ? raft.log.lastEntryId : { index: 0, term: 0 };
  const response = message({
    type: "MsgStorageAppendResp",
    to: raft.id,
    from: appendThread,
    term: raft.term,
    index: last.index,
    logTerm: last.term,
    snapshot: ready.snapshot,
  });
  return [response];
}

/** Work for the apply thread: apply the entries, then deliver the response. None when there are none. */
export function storageApplyMessage(raft: RaftState, entries: readonly Entry[]): Message[] {
  const responses = storageApplyResponse(raft, entries);
  if (responses.length === 0) return [];
  return [message({ type: "MsgStorageApply", to: applyThread, from: raft.id, entries, responses })];
}

/** Tells this node what is applied. Outside terms: what is committed stays so in all of them. */
export function storageApplyResponse(raft: RaftState, entries: readonly Entry[]): Message[] {
  if (entries.length === 0) return [];
  return [message({ type: "MsgStorageApplyResp", to: raft.id, from: applyThread, entries })];
}
