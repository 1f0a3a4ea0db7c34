import { Buffer } from "node:buffer";

import type { KeptRecord } from "./kept-record.ts";

/** What a record takes of a slab at least: so that few hundred are in one, among which one is looked for when it is taken out. */
const LEAST_BYTES = 128;

/** What a record of so many bytes takes of a slab. */
export function footprint(bytes: number): number {
  return Math.max(bytes, LEAST_BYTES);
}

/**
 * A piece of memory that records are in, one behind the other. What was written stays as it is: whoever has a view of it may go on reading. It
 * dies, as all memory does, when no record and no view refers to it any more.
 */
export class Slab {
  readonly memory: Buffer<ArrayBuffer>;
  /** The same for all that are of one store. Not that store's list of them: who has a record of a store has no more of it than a slab. */
  readonly mark: object;
  /** Its place among the slabs of its store. */
  index: number;
  /** Bytes written so far, from the start on. */
  #used = 0;
  /** Undefined in the place of one that was removed, which is let go. */
  readonly #records: (KeptRecord | undefined)[] = [];
  /** So many places at the beginning are empty: records are taken out in the order in which they came, more often than not. */
  #gone = 0;
  #count = 0;
  #live = 0;

  constructor(mark: object, length: number, index: number) {
    this.mark = mark;
    this.memory = Buffer.from(new ArrayBuffer(length));
    this.index = index;
  }

  /** Whether there is no record in it. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** What its records take. */
  get live(): number {
    return this.#live;
  }

  /** The share of its memory that is live. */
  get liveShare(): number {
    return this.#live / this.memory.length;
  }

  get records(): readonly KeptRecord[] {
    return this.#records.filter((record) => record !== undefined);
  }

  /** Whether a record of so many bytes can be written yet. */
  hasRoomFor(bytes: number): boolean {
    return this.memory.length - this.#used >= bytes;
  }

  /** Takes so many bytes, for which there must be room. Returns where they begin. */
  reserve(bytes: number): number {
    const offset = this.#used;
    this.#used += bytes;
    return offset;
  }

  /** Adds a record that was written to it. */
  add(record: KeptRecord): void {
    this.#records.push(record);
    this.#count++;
    this.#live += footprint(record.slabLength);
  }

  /** Takes a record out; what was written stays. Throws when it is not here. */
  remove(record: KeptRecord): void {
    // Less work than another number in each record costs memory.
    const place = this.#records.indexOf(record, this.#gone);
    if (place < 0)
      throw new Error("broken invariant of a store: a record is released once, after it was taken");
    this.#records[place] = undefined;
    while (this.#gone < this.#records.length && this.#records[this.#gone] === undefined) this.#gone++;
    this.#count--;
    this.#live -= footprint(record.slabLength);
  }
}
