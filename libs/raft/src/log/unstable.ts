import type { Entry, EntryId } from "../entry.ts";
import { violated } from "../invariant.ts";
import type { LogIndex, Term } from "../numbers.ts";
import type { Snapshot } from "../snapshot.ts";

/**
 * The tail of the log that is not known to be in stable storage, with the snapshot (if one came in) that it stands on. It
 * may lie over stable entries that it replaces: of two entries at one index, this one counts.
 */
export class Unstable {
  /** The incoming snapshot, until it is stored. */
  snapshot: Snapshot | undefined;
  /** True once the snapshot was handed out to be stored. */
  #snapshotInProgress = false;
  /** Entry i has index offset + i. Grows in place; what is handed out are copies. */
  #entries: Entry[] = [];
  offset: LogIndex;
  /** Entries below this index were handed out to be stored. Invariant: offset <= offsetInProgress <= end. */
  #offsetInProgress: LogIndex;

  constructor(offset: LogIndex) {
    this.offset = offset;
    this.#offsetInProgress = offset;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** One past the last entry. */
  get end(): LogIndex {
    return this.offset + this.#entries.length;
  }

  get offsetInProgress(): LogIndex {
    return this.#offsetInProgress;
  }

  /** The last index this part knows; undefined when it is empty. */
  get lastIndex(): LogIndex | undefined {
    return this.#entries.length > 0 ? this.end - 1 : this.snapshot?.metadata.index;
  }

  /** The term at an index of this part, its snapshot's included. */
  term(index: LogIndex): Term | undefined {
    if (index >= this.offset) return this.#entries[index - this.offset]?.term;
    const metadata = this.snapshot?.metadata;
    return metadata?.index === index ? metadata.term : undefined;
  }

  /** Entries not yet handed out to be stored. */
  get nextEntries(): readonly Entry[] {
    return this.#entries.slice(this.#offsetInProgress - this.offset);
  }

  get hasNextEntries(): boolean {
    return this.#offsetInProgress < this.end;
  }

  /** The snapshot, unless it was handed out to be stored. */
  get nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.snapshot;
  }

  /** Everything here was handed out to be stored. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.end;
    if (this.snapshot !== undefined) this.#snapshotInProgress = true;
  }

  /**
   * Entries up to `id` are stored. Ignored unless the entry with that index and term is (still) here: between handing out
   * and storing, a new leader may have replaced it.
   */
  stableTo({ index, term }: EntryId): void {
    if (index < this.offset || this.term(index) !== term) return;
    this.#entries = this.#entries.slice(index + 1 - this.offset);
    this.offset = index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.offset);
  }

  /** The snapshot at `index` is stored. */
  stableSnapshotTo(index: LogIndex): void {
    if (this.snapshot?.metadata.index !== index) return;
    this.snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** Replaces everything by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.offset = snapshot.metadata.index + 1;
    this.#offsetInProgress = this.offset;
    this.#entries = [];
    this.snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends; entries at and after the first new index are dropped. Not empty. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = entries[0]?.index;
    if (from === undefined) return;
    if (from > this.end) violated(`entry ${from} does not follow the last one, ${this.end - 1}`);
    if (from <= this.offset) {
      this.offset = from;
      this.#entries = [...entries];
      this.#offsetInProgress = from;
    } else {
      this.#entries.length = from - this.offset;
      for (const entry of entries) this.#entries.push(entry);
      this.#offsetInProgress = Math.min(this.#offsetInProgress, from);
    }
  }

  slice(from: LogIndex, to: LogIndex): readonly Entry[] {
    if (from < this.offset || from > to || to > this.end) {
      violated(`unstable entries [${from}, ${to}) were asked for, there are [${this.offset}, ${this.end})`);
    }
    return this.#entries.slice(from - this.offset, to - this.offset);
  }
}
