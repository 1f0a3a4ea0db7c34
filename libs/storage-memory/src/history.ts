import type { Version } from "@trellis/storage";

import type { KeptRecord } from "./kept-record.ts";
import type { StoreLimits } from "./limits.ts";
import { Ring } from "./ring.ts";

/** An event whose records are those that the store keeps. */
export type KeptEvent =
  | { readonly kind: "put"; readonly record: KeptRecord; readonly previous: KeptRecord | undefined }
  | { readonly kind: "delete"; readonly record: KeptRecord };

/** One commit as the history keeps it: everything that it changed, in the order of its operations. */
export interface HistoryCommit {
  readonly version: Version;
  readonly events: readonly KeptEvent[];
  /** What the commit weighs against the bound on bytes. */
  readonly bytes: number;
}

/** What an event weighs besides the bytes of its records. */
const EVENT_BYTES = 256;
/** Age is kept in marks, at most one per this share of the greatest age, instead of a time per commit. */
const MARKS_PER_AGE = 64;

/**
 * The last commits of a store: one ring, bounded in commits, bytes and age, that all watches and reads of older versions share. It knows
 * the time only as it is told by `expire`. Positions are those of the ring: a cursor is a number.
 */
export class History {
  readonly #ring = new Ring<HistoryCommit>();
  readonly #marks = new Ring<{ readonly next: number; readonly nowMs: number }>();
  readonly #limits: StoreLimits;
  readonly #forget: (former: KeptRecord) => void;
  #bytes = 0;
  #startVersion: Version;

  /** `forget` is called with each record that was replaced or deleted, when the commit that did it is dropped. */
  constructor(startVersion: Version, limits: StoreLimits, forget: (former: KeptRecord) => void) {
    this.#startVersion = startVersion;
    this.#limits = limits;
    this.#forget = forget;
  }

  /** The history holds every change after this version. */
  get startVersion(): Version {
    return this.#startVersion;
  }

  /** The position of the oldest kept commit. */
  get first(): number {
    return this.#ring.first;
  }

  /** The position that the next commit will get. */
  get next(): number {
    return this.#ring.next;
  }

  /** What the kept commits weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  at(position: number): HistoryCommit {
    return this.#ring.at(position);
  }

  /** The position of the first commit after a version, which must not be older than `startVersion`. */
  positionAfter(version: Version): number {
    if (version < this.#startVersion)
      throw new RangeError(`the history starts after ${this.#startVersion}, found ${version}`);
    let low = this.first;
    let high = this.next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.at(middle).version <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds a commit and drops the oldest ones beyond the bounds. */
  push(version: Version, events: readonly KeptEvent[]): void {
    let bytes = 0;
    for (const event of events) {
      bytes += EVENT_BYTES + event.record.byteLength;
      if (event.kind === "put" && event.previous !== undefined) bytes += event.previous.byteLength;
    }
    this.#ring.push({ version, events, bytes });
    this.#bytes += bytes;
    while (
      this.#ring.length > this.#limits.historyCommits ||
      (this.#bytes > this.#limits.historyBytes && this.#ring.length > 1)
    ) {
      this.#drop();
    }
  }

  /** Drops what is older than the bound on age, at `nowMs` of a monotonic clock. Exact to a 64th of that age, never early. */
  expire(nowMs: number): void {
    const newest = this.#marks.length === 0 ? undefined : this.#marks.at(this.#marks.next - 1);
    const spacingMs = this.#limits.historyAgeMs / MARKS_PER_AGE;
    if (newest === undefined || nowMs - newest.nowMs >= spacingMs)
      this.#marks.push({ next: this.next, nowMs });
    while (this.#marks.length > 0) {
      const mark = this.#marks.at(this.#marks.first);
      if (nowMs - mark.nowMs < this.#limits.historyAgeMs) return;
      while (this.first < mark.next) this.#drop();
      this.#marks.shift();
    }
  }

  #drop(): void {
    const dropped = this.#ring.shift();
    this.#bytes -= dropped.bytes;
    this.#startVersion = dropped.version;
    for (const event of dropped.events) {
      const former = formerRecord(event);
      if (former !== undefined) this.#forget(former);
    }
  }
}

/** The record that an event replaced or deleted. */
export function formerRecord(event: KeptEvent): KeptRecord | undefined {
  return event.kind === "put" ? event.previous : event.record;
}
