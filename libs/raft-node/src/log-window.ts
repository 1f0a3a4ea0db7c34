import {
  type ConfState,
  type Entry,
  entrySize,
  type HardState,
  type LogIndex,
  type NodeId,
  type Snapshot,
  type Storage,
  type Term,
} from "@trellis/raft";

import { invariant } from "./invariant.ts";

const noData = new Uint8Array();

/** Where a log window begins. */
export interface WindowStart {
  readonly hardState: HardState;
  /** The configuration at the snapshot. */
  readonly confState: ConfState;
  /** The newest snapshot: index and term 0 when there is none. */
  readonly snapshot: { readonly index: LogIndex; readonly term: Term };
  /** The entry before the first one of `entries`. */
  readonly before: { readonly index: LogIndex; readonly term: Term };
  readonly entries: readonly Entry[];
}

/**
 * The durable log in memory, from where it was last compacted to its end: what the core reads, synchronously. The node compacts it after every
 * snapshot, so that it holds no more than what is logged between two snapshots and the trailing entries that spare slow followers a snapshot.
 */
export class LogWindow implements Storage {
  #hardState: HardState;
  #initialConfState: ConfState;
  #confState: ConfState;
  #snapshot: { readonly index: LogIndex; readonly term: Term };
  /** The entry before the first that is there. */
  #before: { readonly index: LogIndex; readonly term: Term };
  #entries: Entry[];
  #bytes = 0;
  readonly #onSnapshotWanted: () => void;

  constructor(start: WindowStart, onSnapshotWanted: () => void) {
    this.#hardState = start.hardState;
    this.#initialConfState = start.confState;
    this.#confState = start.confState;
    this.#snapshot = start.snapshot;
    this.#before = start.before;
    this.#entries = [...start.entries];
    for (const entry of start.entries) this.#bytes += entrySize(entry);
    this.#onSnapshotWanted = onSnapshotWanted;
  }

  /** The newest snapshot: index and term 0 when there is none. */
  get newestSnapshot(): { readonly index: LogIndex; readonly term: Term } {
    return this.#snapshot;
  }

  /** Bytes of the entries that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#initialConfState };
  }

  /** Sets what a core that is started again on this window begins with. */
  restartWith(hardState: HardState, confState: ConfState): void {
    this.#hardState = hardState;
    this.#initialConfState = confState;
  }

  firstIndex(): LogIndex {
    return this.#before.index + 1;
  }

  lastIndex(): LogIndex {
    return this.#before.index + this.#entries.length;
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#before.index) return this.#before.term;
    return this.#entries[index - this.firstIndex()]?.term;
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | undefined {
    const first = this.firstIndex();
    if (from < first) return undefined;
    invariant(
      to <= this.lastIndex() + 1,
      `entries up to ${to} are asked for, the last is ${this.lastIndex()}`,
    );
    let bytes = 0;
    for (let position = from - first; position < to - first; position++) {
      const entry = this.#entries[position];
      invariant(entry !== undefined, "the window of the log has a hole");
      bytes += entrySize(entry);
      if (bytes > maxBytes && position > from - first) return this.#entries.slice(from - first, position);
    }
    return this.#entries.slice(from - first, to - first);
  }

  /** The newest snapshot, if it names the member; otherwise a newer one is asked for, and the core asks again. */
  snapshot(member: NodeId): Snapshot | undefined {
    const { voters, votersOutgoing, learners } = this.#confState;
    if (this.#snapshot.index > 0 && [...voters, ...votersOutgoing, ...learners].includes(member)) {
      return { data: noData, metadata: { ...this.#snapshot, confState: this.#confState } };
    }
    this.#onSnapshotWanted();
    return undefined;
  }

  /** Takes over what has become durable; entries from the first one on are replaced. */
  append(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    invariant(
      first.index > this.#before.index && first.index <= this.lastIndex() + 1,
      `entry ${first.index} does not follow a log of ${this.firstIndex()} to ${this.lastIndex()}`,
    );
    for (const gone of this.#entries.splice(first.index - this.firstIndex())) this.#bytes -= entrySize(gone);
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entrySize(entry);
    }
  }

  /** A snapshot of this node's own has become durable. The log stays as it is. */
  noteSnapshot(snapshot: { readonly index: LogIndex; readonly term: Term }, confState: ConfState): void {
    invariant(snapshot.index >= this.#snapshot.index, "a snapshot is older than the one before it");
    this.#snapshot = snapshot;
    this.#confState = confState;
  }

  /** A snapshot from elsewhere takes the place of the whole log. */
  install(snapshot: { readonly index: LogIndex; readonly term: Term }, confState: ConfState): void {
    this.noteSnapshot(snapshot, confState);
    this.#before = snapshot;
    this.#entries = [];
    this.#bytes = 0;
  }

  /** Lets go of the entries before `index`, at most the one after the snapshot. */
  dropBefore(index: LogIndex): void {
    invariant(
      index <= this.#snapshot.index + 1,
      `entries up to ${index} are needed: the snapshot is of ${this.#snapshot.index}`,
    );
    if (index <= this.firstIndex()) return;
    const term = this.term(index - 1);
    invariant(term !== undefined, `the log ends before ${index}`);
    for (const gone of this.#entries.splice(0, index - this.firstIndex())) this.#bytes -= entrySize(gone);
    this.#before = { index: index - 1, term };
  }

  /** The lowest index from which on the entries up to `to` have at most so many bytes and number. */
  trailing(to: LogIndex, bounds: { readonly entries: number; readonly bytes: number }): LogIndex {
    let index = to + 1;
    let bytes = 0;
    while (index > this.firstIndex() && to + 1 - index < bounds.entries) {
      const entry = this.#entries[index - 1 - this.firstIndex()];
      invariant(entry !== undefined, "the window of the log has a hole");
      bytes += entrySize(entry);
      if (bytes > bounds.bytes) break;
      index--;
    }
    return index;
  }
}
