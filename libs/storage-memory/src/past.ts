import type { Version } from "@trellis/storage";

import type { Cell } from "./cell.ts";
import type { KeptRecord } from "./kept-record.ts";

/** What was in a cell, from its version to before another. */
export interface Former {
  readonly cell: Cell;
  readonly record: KeptRecord;
  readonly until: Version;
  /** What is remembered of the same cell before and after that. */
  older: Former | undefined;
  newer: Former | undefined;
  /** What is remembered of all cells before and after that. */
  before: Former | undefined;
  after: Former | undefined;
}

/** Formers looked at in one slice: some ten microseconds. */
const SLICE_FORMERS = 256;
/** All are looked through when there are more than so many and a look has ended, or than so many times what the last time left besides. */
const LEAST_SWEPT = 1024;
const SWEPT_AGAIN = 2;

/**
 * What cells held before they were changed, for those who look at an older version: for nobody, nothing. A look ends when nobody has it any more, which the
 * garbage collector tells. A cell has at most one former for each look, and all of them together at most twice as many, and some.
 */
export class Past {
  /** The versions of the looks that were not found to have ended, in order. */
  readonly #looks: Version[] = [];
  /** All formers, in the order in which they became so. */
  #oldest: Former | undefined;
  #newest: Former | undefined;
  #size = 0;
  /** Goes from the oldest to the newest, to find what no look sees between others that some do; from so many on. */
  #hand: Former | undefined;
  #sizeToSweep = LEAST_SWEPT;
  readonly #ended = new FinalizationRegistry<Version>((version) => this.#end(version));

  /** How many formers are remembered. */
  get size(): number {
    return this.#size;
  }

  /** How many looks were not found to have ended. */
  get looks(): number {
    return this.#looks.length;
  }

  /** Begins to look at a version, which is the store's of now. */
  look(version: Version): Look {
    const look = new Look(version);
    this.#looks.push(version);
    this.#ended.register(look, version);
    return look;
  }

  /** Notes that a record, which is in the cell, is replaced or deleted by the commit of a version. */
  replaced(cell: Cell, record: KeptRecord, until: Version): void {
    const newestLook = this.#looks.at(-1);
    if (newestLook === undefined || record.version > newestLook) return;
    // Who could see it may have gone since.
    if (cell.former !== undefined && !this.#isSeen(cell.former)) this.#forget(cell.former);
    const { former: older } = cell;
    const before = this.#newest;
    const former: Former = { cell, record, until, older, newer: undefined, before, after: undefined };
    if (older !== undefined) older.newer = former;
    if (before === undefined) this.#oldest = former;
    else before.after = former;
    cell.former = this.#newest = former;
    this.#size += 1;
  }

  /** Forgets what nobody looks at, a slice of it. True while there is more to be done. */
  prune(): boolean {
    let left = SLICE_FORMERS;
    const [oldestLook = Infinity] = this.#looks;
    for (; left > 0 && this.#oldest !== undefined && this.#oldest.until <= oldestLook; left--)
      this.#forget(this.#oldest);
    if (this.#hand === undefined && this.#size > this.#sizeToSweep) this.#hand = this.#oldest;
    for (; left > 0 && this.#hand !== undefined; left--) {
      const former = this.#hand;
      this.#hand = former.after;
      if (!this.#isSeen(former)) this.#forget(former);
      if (this.#hand === undefined) this.#sizeToSweep = SWEPT_AGAIN * this.#size + LEAST_SWEPT;
    }
    return left === 0;
  }

  #end(version: Version): void {
    this.#looks.splice(this.#firstFrom(version), 1);
    this.#sizeToSweep = LEAST_SWEPT;
  }

  #isSeen({ record, until }: Former): boolean {
    const look = this.#looks[this.#firstFrom(record.version)];
    return look !== undefined && look < until;
  }

  /** The place of the first look at a version or a later one. */
  #firstFrom(version: Version): number {
    let low = 0;
    let high = this.#looks.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#looks[middle] ?? version) < version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forget(former: Former): void {
    const { cell, older, newer, before, after } = former;
    if (this.#hand === former) this.#hand = after;
    if (newer === undefined) cell.former = older;
    else newer.older = older;
    if (older !== undefined) older.newer = newer;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    this.#size -= 1;
  }
}

/** Shows what cells held at one version, for as long as somebody has it. */
export class Look {
  readonly version: Version;

  constructor(version: Version) {
    this.version = version;
  }

  /** What was in a cell that was there at this version. */
  find(cell: Cell): KeptRecord {
    const { version } = this;
    if (cell.record !== undefined && cell.record.version <= version) return cell.record;
    let former = cell.former;
    while (former !== undefined && former.record.version > version) former = former.older;
    if (former === undefined || former.until <= version)
      throw new Error(`broken invariant of a store: ${cell.text} was changed after ${version} unnoticed`);
    return former.record;
  }
}
