import type { Entry } from "./entry.ts";
import {
  hardStatesEqual,
  isEmptyHardState,
  softStatesEqual,
  type HardState,
  type SoftState,
} from "./hard-state.ts";
import type { Message } from "./message.ts";
import type { RaftState, ReadState } from "./raft-state.ts";
import type { Snapshot } from "./snapshot.ts";
import { storageAppendMessage, storageApplyMessage } from "./storage-messages.ts";

/**
 * What the driver has to do next, all at once. In this order: store `entries`, `hardState` and `snapshot`; then send
 * `messages`, and apply `snapshot` and `committedEntries`. With asynchronous storage writes, `messages` say what to do and
 * in which order, and the rest is there to be looked at.
 */
export interface Ready {
  /** The leader and the role of this node, when they have changed. */
  readonly softState: SoftState | undefined;
  /** To be stored, when it has changed. */
  readonly hardState: HardState | undefined;
  /** Reads that may be served once their index is applied. */
  readonly readStates: readonly ReadState[];
  /** To be stored; they replace stored entries from the first index on. */
  readonly entries: readonly Entry[];
  /** To be stored and applied in the place of all earlier entries. Never together with `committedEntries`. */
  readonly snapshot: Snapshot | undefined;
  /** To be applied, in order. Without asynchronous writes they may be among `entries`. */
  readonly committedEntries: readonly Entry[];
  /** To be sent after the writes of this Ready, or handed to the local threads. */
  readonly messages: readonly Message[];
  /**
   * True when entries and hard state must be durable before anything is sent; a commit index alone need not be. A snapshot
   * must be in any case, whatever this says: the messages acknowledge it.
   */
  readonly mustSync: boolean;
}

/** What the driver knows from the last Ready: the next one names only what is different. */
export interface KnownState {
  readonly softState: SoftState;
  readonly hardState: HardState;
}

export function softStateOf(raft: RaftState): SoftState {
  return { leader: raft.leader, role: raft.role };
}

export function hardStateOf(raft: RaftState): HardState {
  return { term: raft.term, vote: raft.vote, commit: raft.log.committed };
}

/** True when a Ready would not be empty. */
export function hasReady(raft: RaftState, known: KnownState): boolean {
  const { log, options } = raft;
  const hardState = hardStateOf(raft);
  return (
    raft.messages.length > 0 ||
    raft.messagesAfterAppend.length > 0 ||
    raft.readStates.length > 0 ||
    log.unstable.hasNextEntries ||
    log.unstable.nextSnapshot !== undefined ||
    log.hasNextCommitted(!options.asyncStorageWrites) ||
    !softStatesEqual(softStateOf(raft), known.softState) ||
    (!isEmptyHardState(hardState) && !hardStatesEqual(hardState, known.hardState))
  );
}

/** Collects what there is to do. Changes nothing. */
export function collectReady(raft: RaftState, known: KnownState): Ready {
  const { log, options } = raft;
  const softState = softStateOf(raft);
  const hardState = hardStateOf(raft);
  const entries = log.unstable.nextEntries;
  const collected: Ready = {
    softState: softStatesEqual(softState, known.softState) ? undefined : softState,
    hardState: hardStatesEqual(hardState, known.hardState) ? undefined : hardState,
    readStates: raft.readStates,
    entries,
    snapshot: log.unstable.nextSnapshot,
    committedEntries: log.nextCommitted(!options.asyncStorageWrites),
    messages: raft.messages,
    mustSync:
      entries.length > 0 ||
      hardState.term !== known.hardState.term ||
      hardState.vote !== known.hardState.vote,
  };
  return { ...collected, messages: messagesOf(raft, collected) };
}

function messagesOf(raft: RaftState, ready: Ready): readonly Message[] {
  if (!raft.options.asyncStorageWrites) {
    // The caller stores before it sends, so what waits for that may go along; what is to oneself comes back on advance.
    return [...ready.messages, ...raft.messagesAfterAppend.filter(({ to }) => to !== raft.id)];
  }
  const append = storageAppendMessage(raft, ready);
  const apply = storageApplyMessage(raft, ready.committedEntries);
  return [...ready.messages, ...append, ...apply];
}
