import { type Entry, entrySize, type LogIndex } from "@trellis/raft";

/** Stands where an entry was that was let go of: nothing of it stays in memory. */
const GONE: Entry = { index: 0, term: 0, type: "EntryNormal", data: new Uint8Array() };

/** Consecutive entries in memory. */
export class EntryRun {
  /** The index of the first entry; of the next one when there is none. */
  #from: LogIndex;
  /** Those before `#start` are gone. */
  #entries: Entry[] = [];
  #start = 0;
  #bytes = 0;

  constructor(from: LogIndex, entries: readonly Entry[] = []) {
    this.#from = from;
    this.append(entries);
  }

  get from(): LogIndex {
    return this.#from;
  }

  /** One past the last entry. */
  get end(): LogIndex {
    return this.#from + this.#entries.length - this.#start;
  }

  /** By `entrySize`. */
  get bytes(): number {
    return this.#bytes;
  }

  has(index: LogIndex): boolean {
    return index >= this.#from && index < this.end;
  }

  /** The entries from one that is here to before another, at least one, then as many as `maxBytes` allow and are here. */
  slice(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const first = this.#at(from);
    let last = first;
    let bytes = 0;
    for (const before = this.#at(Math.min(to, this.end)); last < before; last++) {
      const entry = this.#entries[last];
      if (entry !== undefined) bytes += entrySize(entry);
      if (bytes > maxBytes && last > first) break;
    }
    return this.#entries.slice(first, last);
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entrySize(entry);
    }
  }

  /** Lets go of the entries from an index on. One before the first makes it the place of the next entry. */
  truncate(from: LogIndex): void {
    for (const gone of this.#entries.splice(this.#at(Math.max(this.#from, from))))
      this.#bytes -= entrySize(gone);
    this.#from = Math.min(this.#from, from);
  }

  /** Lets go of the entries before an index, at most the one after the last. */
  dropBefore(index: LogIndex): void {
    if (index <= this.#from) return;
    this.shrinkTo(0, index);
    this.#from = index;
  }

  /** Lets go of the first entries, at most of those before an index, until those that are left have at most so many bytes. */
  shrinkTo(maxBytes: number, before: LogIndex = this.end): void {
    for (; this.#bytes > maxBytes && this.#from < before; this.#from++) {
      const entry = this.#entries[this.#start];
      if (entry === undefined) break;
      this.#bytes -= entrySize(entry);
      this.#entries[this.#start++] = GONE;
    }
    // Takes away what is gone once it is the larger part: so letting go of an entry takes the same time however many stay.
    if (this.#start * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  #at(index: LogIndex): number {
    return this.#start + index - this.#from;
  }
}
