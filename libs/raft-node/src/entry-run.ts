import { type Entry, entrySize, type LogIndex } from "@trellis/raft";

/** Consecutive entries in memory. */
export class EntryRun {
  /** The index of the first entry; of the next one when there is none. */
  #from: LogIndex;
  readonly #entries: Entry[] = [];
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
    return this.#from + this.#entries.length;
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
    const first = from - this.#from;
    let last = first;
    let bytes = 0;
    for (const before = Math.min(to, this.end) - this.#from; last < before; last++) {
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
    for (const gone of this.#entries.splice(Math.max(0, from - this.#from))) this.#bytes -= entrySize(gone);
    this.#from = Math.min(this.#from, from);
  }

  /** Lets go of the entries before an index, at most the one after the last. */
  dropBefore(index: LogIndex): void {
    if (index <= this.#from) return;
    for (const gone of this.#entries.splice(0, index - this.#from)) this.#bytes -= entrySize(gone);
    this.#from = index;
  }

  /** Lets go of the first entries until those that are left have at most so many bytes. */
  shrinkTo(maxBytes: number): void {
    let count = 0;
    for (let bytes = this.#bytes; bytes > maxBytes; count++) {
      const entry = this.#entries[count];
      if (entry === undefined) break;
      bytes -= entrySize(entry);
    }
    this.dropBefore(this.#from + count);
  }
}
