import { limitSize, noBytes, type Entry } from "../entry.ts";
import { emptyHardState, type HardState } from "../hard-state.ts";
import { violated } from "../invariant.ts";
import type { LogIndex, Term } from "../numbers.ts";
import { emptyConfState, type ConfState, type Snapshot } from "../snapshot.ts";
import type { Storage } from "./storage.ts";

/** A storage in memory, for tests, examples and simulations. */
export class MemoryStorage implements Storage {
  #hardState: HardState = emptyHardState;
  #snapshot: Snapshot = { data: noBytes, metadata: { confState: emptyConfState, index: 0, term: 0 } };
  /** Index and term of the entry before `#entries`. */
  #compacted: { readonly index: LogIndex; readonly term: Term } = { index: 0, term: 0 };
  /** Grows in place; what is handed out are copies. */
  #entries: Entry[] = [];

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  firstIndex(): LogIndex {
    return this.#compacted.index + 1;
  }

  lastIndex(): LogIndex {
    return this.#compacted.index + this.#entries.length;
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#compacted.index) return this.#compacted.term;
    return this.#entries[index - this.firstIndex()]?.term;
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | undefined {
    if (from < this.firstIndex()) return undefined;
    if (to > this.lastIndex() + 1)
      violated(`entries up to ${to} were asked for, the last is ${this.lastIndex()}`);
    const first = this.firstIndex();
    return limitSize(this.#entries.slice(from - first, to - first), maxBytes);
  }

  isUnread(): boolean {
    return false;
  }

  nextConfChange(after: LogIndex, to: LogIndex): LogIndex | undefined {
    return this.#entries.find(({ type, index }) => index > after && index <= to && type !== "EntryNormal")
      ?.index;
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /** Appends; entries already there from the first new index on are replaced. */
  append(entries: readonly Entry[]): void {
    const kept = entries.filter(({ index }) => index >= this.firstIndex());
    const from = kept[0]?.index;
    if (from === undefined) return;
    if (from > this.lastIndex() + 1)
      violated(`entry ${from} does not follow the last one, ${this.lastIndex()}`);
    this.#entries.length = from - this.firstIndex();
    for (const entry of kept) this.#entries.push(entry);
  }

  /** Replaces the whole log by a snapshot. An older one than the present is ignored. */
  applySnapshot(snapshot: Snapshot): void {
    const { index, term } = snapshot.metadata;
    if (this.#snapshot.metadata.index >= index) return;
    this.#snapshot = snapshot;
    this.#compacted = { index, term };
    this.#entries = [];
  }

  /** Records the application's state at `index`, without touching the log. */
  createSnapshot(index: LogIndex, confState: ConfState, data: Uint8Array): Snapshot {
    const term = this.term(index);
    if (term === undefined) violated(`no entry at ${index} for a snapshot`);
    this.#snapshot = { data, metadata: { confState, index, term } };
    return this.#snapshot;
  }

  /** Drops the entries up to and including `index`. The application must have a snapshot at or after it. */
  compact(index: LogIndex): void {
    if (index <= this.#compacted.index) return;
    const term = this.term(index);
    if (term === undefined) violated(`compaction up to ${index}, the last entry is ${this.lastIndex()}`);
    this.#entries = this.#entries.slice(index - this.#compacted.index);
    this.#compacted = { index, term };
  }
}
