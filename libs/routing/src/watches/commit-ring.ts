import type { Version } from "@trellis/storage";

import type { WatchedCommit } from "./resuming-watch.ts";

/** What a ring holds at most; the newest commit is always kept. */
export interface RingBounds {
  readonly commits: number;
  readonly bytes: number;
}

/** What an event weighs besides its records. */
const EVENT_BYTES = 256;

/** The last commits of one watch, read by cursors: positions that count from the beginning. */
export class CommitRing {
  readonly #bounds: RingBounds;
  #items: ({ readonly commit: WatchedCommit; readonly bytes: number } | undefined)[] = [];
  /** Where the kept items begin in the array; what is before is cut off now and then. */
  #head = 0;
  #first = 0;
  #bytes = 0;
  #start: Version;

  constructor(start: Version, bounds: RingBounds) {
    this.#start = start;
    this.#bounds = bounds;
  }

  /** The ring has everything after this version. */
  get start(): Version {
    return this.#start;
  }

  /** The position of the oldest kept commit. */
  get first(): number {
    return this.#first;
  }

  /** The position that the next commit will get. */
  get next(): number {
    return this.#first + this.#items.length - this.#head;
  }

  /** The commit at a position that is kept. */
  at(position: number): WatchedCommit {
    const item = this.#items[this.#head + position - this.#first];
    if (item === undefined)
      throw new RangeError(`positions ${this.#first} to before ${this.next} are kept, found ${position}`);
    return item.commit;
  }

  /** The position of the first commit after a version. */
  positionAfter(version: Version): number {
    let low = this.#first;
    let high = this.next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.at(middle).version <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  push(commit: WatchedCommit): void {
    const bytes = weightOf(commit);
    this.#items.push({ commit, bytes });
    this.#bytes += bytes;
    const kept = (): number => this.#items.length - this.#head;
    while (kept() > this.#bounds.commits || (this.#bytes > this.#bounds.bytes && kept() > 1)) this.#drop();
    if (this.#head > this.#bounds.commits) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  #drop(): void {
    const item = this.#items[this.#head];
    if (item === undefined) return;
    this.#items[this.#head] = undefined;
    this.#head++;
    this.#first++;
    this.#bytes -= item.bytes;
    this.#start = item.commit.version;
  }
}

function weightOf({ events }: WatchedCommit): number {
  let bytes = 0;
  for (const event of events) {
    bytes += EVENT_BYTES + event.record.bytes.length;
    if (event.kind === "put") bytes += event.previous?.bytes.length ?? 0;
  }
  return bytes;
}
