import { type Entry, entrySize, type LogIndex, type Term } from "@trellis/raft";

import { invariant } from "./invariant.ts";

/** An entry's place in a log. */
export interface LogPlace {
  readonly index: LogIndex;
  readonly term: Term;
}

/**
 * What stays in memory of every entry of the log, whether its bytes do or not: its term, its size, and whether it changes the membership. Eight bytes
 * for each entry, of which snapshots bound the number.
 */
export class LogOutline {
  /** The entry before the first. */
  #before: LogPlace;
  /** By `entrySize`; the first is that of the first entry. */
  #sizes: number[] = [];
  /** The entries from one index on have one term, up to the next run. Ascending; the first one is `#before`. */
  #runs: LogPlace[];
  /** Of membership changes, ascending. */
  #changes: LogIndex[] = [];

  constructor(before: LogPlace) {
    this.#before = before;
    this.#runs = [before];
  }

  get firstIndex(): LogIndex {
    return this.#before.index + 1;
  }

  get lastIndex(): LogIndex {
    return this.#before.index + this.#sizes.length;
  }

  /** The term of an entry, or of the one before the first; undefined when the log does not know it. */
  term(index: LogIndex): Term | undefined {
    if (index < this.#before.index || index > this.lastIndex) return undefined;
    // The last run that begins at the index or before it.
    let [low, high] = [0, this.#runs.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.index <= index) low = middle;
      else high = middle - 1;
    }
    return this.#runs[low]?.term;
  }

  /** The size of an entry that the log has. */
  size(index: LogIndex): number {
    const size = this.#sizes[index - this.firstIndex];
    invariant(size !== undefined, `entry ${index} is none of ${this.firstIndex} to ${this.lastIndex}`);
    return size;
  }

  nextConfChange(after: LogIndex, to: LogIndex): LogIndex | undefined {
    return this.#changes.find((index) => index > after && index <= to);
  }

  /** Entries were written: those that were there from the first one's index on are replaced. */
  append(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    invariant(
      first.index >= this.firstIndex && first.index <= this.lastIndex + 1,
      `entry ${first.index} does not follow a log of ${this.firstIndex} to ${this.lastIndex}`,
    );
    if (first.index <= this.lastIndex) this.#truncate(first.index);
    for (const entry of entries) {
      const { index, term, type } = entry;
      this.#sizes.push(entrySize(entry));
      if (this.#runs.at(-1)?.term !== term) this.#runs.push({ index, term });
      if (type !== "EntryNormal") this.#changes.push(index);
    }
  }

  #truncate(from: LogIndex): void {
    this.#sizes.length = from - this.firstIndex;
    this.#runs = this.#runs.filter(({ index }) => index < from);
    this.#changes = this.#changes.filter((index) => index < from);
  }

  /** Forgets the entries before an index, which is at most one more than the last. */
  dropBefore(index: LogIndex): void {
    if (index <= this.firstIndex) return;
    const before = index - 1;
    const term = this.term(before);
    invariant(term !== undefined, `the log ends before ${index}`);
    this.#sizes.splice(0, index - this.firstIndex);
    this.#before = { index: before, term };
    this.#runs = [this.#before, ...this.#runs.filter((run) => run.index > before)];
    this.#changes = this.#changes.filter((change) => change >= index);
  }

  /** The lowest index from which on the entries up to `to` have at most so many bytes and number. */
  trailing(to: LogIndex, bounds: { readonly entries: number; readonly bytes: number }): LogIndex {
    let index = to + 1;
    let bytes = 0;
    while (index > this.firstIndex && to + 1 - index < bounds.entries) {
      bytes += this.size(index - 1);
      if (bytes > bounds.bytes) break;
      index--;
    }
    return index;
  }
}
