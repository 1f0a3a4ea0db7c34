import { decodeConfChange } from "../confchange/encoding.ts";
import type { Entry } from "../entry.ts";
import { RaftError } from "../errors.ts";
import { emptyHardState, isEmptyHardState, type HardState } from "../hard-state.ts";
import { MemoryStorage } from "../log/memory-storage.ts";
import type { Message } from "../message.ts";
import { appendThread, isLocalThread, type LogIndex, type NodeId, type Term } from "../numbers.ts";
import { createRaftCore, type RaftCore } from "../raft-core.ts";
import type { RaftOptions } from "../options.ts";
import type { Ready } from "../ready.ts";
import { namesMember, type ConfState, type Snapshot } from "../snapshot.ts";
import { bytes } from "./test-node.ts";

/** Notes that a snapshot is needed which names a member that the present one does not. */
class SnapshotStorage extends MemoryStorage {
  needsNewer = false;

  override snapshot(member?: NodeId): Snapshot | undefined {
    const newest = super.snapshot();
    if (newest !== undefined && member !== undefined && !namesMember(newest.metadata.confState, member)) {
      this.needsNewer = true;
    }
    return newest;
  }
}

/** What a node tells the world about. */
export interface NodeEvents {
  onReady(node: SimulatedNode, ready: Ready): void;
  onApplied(node: SimulatedNode, entry: Entry): void;
  /** A read asked for with this context may be served at `index`; the node has applied that much. */
  onRead(node: SimulatedNode, context: string): void;
  send(message: Message): void;
}

/** Writes that the disk has been given, and what may happen once they are durable. */
interface Write {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly finish: () => void;
}

/**
 * A node with a disk: what was written and not synced is lost in a crash, in part or wholly. The application keeps its state
 * in memory only, and finds it again in the snapshot and the log.
 */
export class SimulatedNode {
  readonly id: NodeId;
  readonly #options: Omit<RaftOptions, "id" | "storage">;
  readonly #events: NodeEvents;
  readonly storage = new SnapshotStorage();
  core: RaftCore;
  /** The application: how far it is, and with which members. */
  applied: LogIndex = 0;
  #confState: ConfState;
  /** Confirmed reads whose index is not applied yet. */
  #reads: { readonly index: LogIndex; readonly context: string }[] = [];
  #writes: Write[] = [];
  /** The hard state that survives a crash. */
  #synced: HardState = emptyHardState;
  #applies: Message[] = [];

  constructor(
    id: NodeId,
    initial: Snapshot | undefined,
    options: Omit<RaftOptions, "id" | "storage">,
    events: NodeEvents,
  ) {
    this.id = id;
    this.#options = options;
    this.#events = events;
    if (initial !== undefined) this.storage.applySnapshot(initial);
    this.#confState = this.storage.initialState().confState;
    this.core = this.#start();
  }

  #start(): RaftCore {
    // The snapshot may be ahead of the first entry: some entries are kept for followers that are a little behind.
    this.applied = this.storage.snapshot()?.metadata.index ?? 0;
    this.#confState = this.storage.initialState().confState;
    return createRaftCore({ ...this.#options, id: this.id, storage: this.storage, applied: this.applied });
  }

  /**
   * Loses everything in memory, and commit indexes that were not written together with something to be synced. Of the oldest
   * write under way, `survives` of its entries are on disk.
   */
  crash(survives: number): void {
    this.storage.setHardState(this.#synced);
    const [torn] = this.#writes;
    if (torn !== undefined && torn.snapshot === undefined)
      this.storage.append(torn.entries.slice(0, survives));
    this.#writes = [];
    this.#applies = [];
    this.#reads = [];
    this.core = this.#start();
  }

  /** The term at an index of the log as the core sees it: what is being written counts like what is stored. */
  termAt(index: LogIndex): Term | undefined {
    for (const { entries, snapshot } of this.#writes.toReversed()) {
      if (snapshot?.metadata.index === index) return snapshot.metadata.term;
      const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
      if (first <= index) return entries[index - first]?.term;
    }
    return this.storage.term(index);
  }

  get isBusy(): boolean {
    return this.#writes.length > 0 || this.#applies.length > 0 || this.core.hasReady();
  }

  /** Takes the next Ready, unless one is under way that must be finished first. */
  takeReady(): void {
    const isAsync = this.#options.asyncStorageWrites === true;
    if (!this.core.hasReady() || (!isAsync && this.#writes.length > 0)) return;
    const ready = this.core.ready();
    this.#events.onReady(this, ready);
    for (const { index, context } of ready.readStates) {
      this.#reads.push({ index, context: new TextDecoder().decode(context) });
    }
    if (isAsync) this.#takeAsync(ready);
    else this.#takeSync(ready);
    this.#serveReads();
  }

  #takeSync(ready: Ready): void {
    const finish = (): void => {
      for (const message of ready.messages) this.#events.send(message);
      if (ready.snapshot !== undefined) this.#install(ready.snapshot);
      this.#apply(ready.committedEntries);
      this.core.advance();
    };
    this.#writes.push({
      hardState: ready.hardState,
      entries: ready.entries,
      snapshot: ready.snapshot,
      finish,
    });
  }

  #takeAsync({ messages }: Ready): void {
    const others = messages.filter(({ to }) => !isLocalThread(to));
    // The stricter rule of the driver: no vote is asked for before the term and the own vote are durable.
    const asksForVotes = others.some(({ type }) => type === "MsgVote");
    if (!asksForVotes) for (const message of others) this.#events.send(message);
    for (const work of messages.filter(({ to }) => isLocalThread(to))) {
      if (work.to !== appendThread) {
        this.#applies.push(work);
        continue;
      }
      const { term, vote, commit, entries, snapshot, responses } = work;
      const hardState = { term, vote, commit };
      const finish = (): void => {
        if (asksForVotes) for (const message of others) this.#events.send(message);
        if (snapshot !== undefined) this.#install(snapshot);
        this.#respond(responses);
      };
      this.#writes.push({
        hardState: isEmptyHardState(hardState) ? undefined : hardState,
        entries,
        snapshot,
        finish,
      });
    }
  }

  #respond(responses: readonly Message[]): void {
    for (const response of responses) {
      if (response.to !== this.id) {
        this.#events.send(response);
        continue;
      }
      try {
        this.core.step(response);
      } catch (error) {
        // A node that has left the configuration does not count its own answers.
        if (!RaftError.is(error) || error.code !== "unknown-peer") throw error;
      }
    }
  }

  /** The oldest write becomes durable. */
  sync(): void {
    const write = this.#writes.shift();
    if (write !== undefined) this.#finish(write);
    // Also when nothing is written: a member may wait for the snapshot.
    if (this.storage.needsNewer) this.compact(0);
  }

  #finish(write: Write): void {
    if (write.hardState !== undefined) this.storage.setHardState(write.hardState);
    const { hardState } = this.storage.initialState();
    const isVoteNews = hardState.term !== this.#synced.term || hardState.vote !== this.#synced.vote;
    if (isVoteNews || write.entries.length > 0 || write.snapshot !== undefined) this.#synced = hardState;
    if (write.snapshot !== undefined) this.storage.applySnapshot(write.snapshot);
    this.storage.append(write.entries);
    write.finish();
    this.#serveReads();
  }

  /** The apply thread does its oldest work. */
  applyNext(): void {
    const work = this.#applies.shift();
    if (work === undefined) return;
    this.#apply(work.entries);
    this.#respond(work.responses);
    this.#serveReads();
  }

  #install(snapshot: Snapshot): void {
    this.applied = snapshot.metadata.index;
    this.#confState = snapshot.metadata.confState;
  }

  #apply(entries: readonly Entry[]): void {
    // What a snapshot has overtaken on its way to the apply thread is applied already.
    for (const entry of entries.filter(({ index }) => index > this.applied)) {
      if (entry.index !== this.applied + 1)
        throw new Error(`node ${this.id} applies ${entry.index} after ${this.applied}`);
      this.applied = entry.index;
      const change = decodeConfChange(entry);
      if (change !== undefined) this.#confState = this.core.applyConfChange(change, entry.index);
      this.#events.onApplied(this, entry);
    }
  }

  #serveReads(): void {
    const ripe = this.#reads.filter(({ index }) => index <= this.applied);
    this.#reads = this.#reads.filter(({ index }) => index > this.applied);
    for (const { context } of ripe) this.#events.onRead(this, context);
  }

  /** Keeps a snapshot of the application and drops the log before it, but for some entries. */
  compact(kept: number): void {
    // Only what is stored can be described by a snapshot here.
    const index = Math.min(this.applied, this.storage.lastIndex());
    if (index < this.storage.firstIndex() || this.#writes.length > 0 || index !== this.applied) return;
    this.storage.needsNewer = false;
    this.storage.createSnapshot(index, this.#confState, bytes(`${index}`));
    this.storage.compact(Math.max(0, index - kept));
  }
}
