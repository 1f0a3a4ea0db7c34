import { payloadSize, type Entry } from "./entry.ts";
import { violated } from "./invariant.ts";
import { unread } from "./log/storage.ts";
import type { NodeId } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";
import { namesMember } from "./snapshot.ts";
import type { Progress } from "./tracker/progress.ts";

/** Sends every member what it lacks, or an empty append that tells the commit index. */
export function broadcastAppend(raft: RaftState): void {
  for (const id of raft.tracker.progress.keys()) {
    if (id !== raft.id) sendAppend(raft, id);
  }
}

/** Sends one append, even an empty one, unless the member is paused. */
export function sendAppend(raft: RaftState, to: NodeId): void {
  maybeSendAppend(raft, to, { evenEmpty: true });
}

/** Sends appends until the member has everything, or its window is full. */
export function sendAllAppends(raft: RaftState, to: NodeId): void {
  // Ends: each append moves `next` forward, or fills the window.
  while (maybeSendAppend(raft, to, { evenEmpty: false }));
}

/**
 * Sends one append after `next - 1`, or a snapshot when the log does not reach back that far. False when nothing was sent
 * that another append could follow.
 */
export function maybeSendAppend(raft: RaftState, to: NodeId, when: { readonly evenEmpty: boolean }): boolean {
  const progress = raft.tracker.get(to);
  if (progress === undefined || progress.isPaused) return false;
  const previous = progress.next - 1;
  const previousTerm = raft.log.term(previous);
  if (previousTerm === undefined) return maybeSendSnapshot(raft, to, progress);
  const entries = entriesFor(raft, progress);
  if (entries === undefined) return maybeSendSnapshot(raft, to, progress);
  // They are sent once they were read.
  if (entries === unread) return false;
  if (entries.length === 0 && !when.evenEmpty) return false;
  const commit = raft.log.committed;
  send(raft, { type: "MsgApp", to, index: previous, logTerm: previousTerm, entries, commit });
  progress.sentEntries(entries.length, payloadSize(entries));
  progress.noteSentCommit(commit);
  return true;
}

/** Entries that members lack were read: whoever waits for them is sent them. */
export function sendReadEntries(raft: RaftState): void {
  if (raft.role !== "leader") return;
  for (const id of raft.tracker.progress.keys()) {
    if (id !== raft.id) sendAllAppends(raft, id);
  }
}

/**
 * The next entries for a member; undefined when they are compacted, `unread` when they are not in memory. None into a full
 * window: but the empty append that is then sent once per heartbeat gets answered, and so frees a window whose messages were
 * all lost.
 */
function entriesFor(raft: RaftState, progress: Progress): readonly Entry[] | typeof unread | undefined {
  if (progress.state === "replicate" && progress.inflights.isFull) return [];
  return raft.log.entries(progress.next, raft.options.maxMessageBytes);
}

/**
 * Not to a member that is silent: it could not take it, and would be paused for nothing. Nor one from before it was a member:
 * it would refuse that; the storage is asked again when it answers the next heartbeat.
 */
function maybeSendSnapshot(raft: RaftState, to: NodeId, progress: Progress): boolean {
  if (!progress.recentActive) return false;
  const snapshot = raft.log.snapshot(to);
  if (snapshot === undefined || !namesMember(snapshot.metadata.confState, to)) return false;
  const { index } = snapshot.metadata;
  if (index === 0) violated("the log was compacted without a snapshot");
  progress.becomeSnapshot(index);
  send(raft, { type: "MsgSnap", to, snapshot });
  return true;
}
