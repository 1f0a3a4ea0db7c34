import type { Version } from "@trellis/storage";

import type { KeptRecord } from "./kept-record.ts";
import type { StoreLimits } from "./limits.ts";
import { ringOf, ringOfNumbers } from "./ring.ts";

/** An event whose records are those that the store keeps. */
export type KeptEvent =
  | { readonly kind: "put"; readonly record: KeptRecord; readonly previous: KeptRecord | undefined }
  | { readonly kind: "delete"; readonly record: KeptRecord };

/** One commit as the history shows it: everything that it changed, in the order of its operations. */
export interface HistoryCommit {
  readonly version: Version;
  readonly events: readonly KeptEvent[];
}

/** What an event weighs besides the bytes of its records. */
const EVENT_BYTES = 256;
/** Age is kept in marks, at most one per this share of the greatest age, instead of a time per commit. */
const MARKS_PER_AGE = 64;
/** Commits that are at hand as objects. */
const COMMITS_AT_HAND = 64;

/**
 * The last commits of a store: one ring, bounded in commits, bytes and age, that all watches and reads of older versions share. It knows
 * the time only as it is told by `expire`. Positions are those of the ring: a cursor is a number.
 */
export class History {
  /** Of each commit its version, and the position behind its last event. */
  readonly #versions = ringOfNumbers();
  readonly #ends = ringOfNumbers();
  /** Of each event its record, and the one that this replaced: for a deletion itself. No object for an event, nor for a commit, that the garbage collector would look at. */
  readonly #records = ringOf<KeptRecord>();
  readonly #formers = ringOf<KeptRecord>();
  /** Of each mark the position of the next commit then, and when that was. */
  readonly #markedNexts = ringOfNumbers();
  readonly #markedMs = ringOfNumbers();
  /** Commits that were looked at, by their positions: many watches look at the same. */
  readonly #atHand: ({ readonly position: number; readonly commit: HistoryCommit } | undefined)[] = [];
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
    return this.#versions.first;
  }

  /** The position that the next commit will get. */
  get next(): number {
    return this.#versions.next;
  }

  /** What the kept commits weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A kept commit; the same object for all who look at it one after the other. */
  at(position: number): HistoryCommit {
    const place = position % COMMITS_AT_HAND;
    const atHand = this.#atHand[place];
    if (atHand?.position === position) return atHand.commit;
    const commit = this.#commit(position);
    this.#atHand[place] = { position, commit };
    return commit;
  }

  #commit(position: number): HistoryCommit {
    const version = this.#versions.at(position) as Version;
    const events: KeptEvent[] = [];
    const end = this.#ends.at(position);
    for (let at = this.#start(position); at < end; at++) events.push(this.#event(at));
    return { version, events };
  }

  /** Visits the events of the commits from one position to before another, in their order: the record of each, and the one that it replaced or deleted. Makes nothing for them. */
  visit(from: number, end: number, see: (record: KeptRecord, former: KeptRecord | undefined) => void): void {
    if (from >= end) return;
    const last = this.#ends.at(end - 1);
    for (let at = this.#start(from); at < last; at++)
      see(this.#records.at(at) as KeptRecord, this.#formers.at(at));
  }

  /** The position of the first commit after a version, which must not be older than `startVersion`. */
  positionAfter(version: Version): number {
    if (version < this.#startVersion)
      throw new RangeError(`the history starts after ${this.#startVersion}, found ${version}`);
    let low = this.first;
    let high = this.next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#versions.at(middle) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds an event of the commit that {@link push} ends: a record, in the place of a former one; a deletion has the same for both. */
  add(record: KeptRecord, former: KeptRecord | undefined): void {
    this.#records.push(record);
    this.#formers.push(former);
    this.#bytes += weight(record, former);
  }

  /** Ends a commit, which has the events that were added since the last, and drops the oldest ones beyond the bounds. */
  push(version: Version): void {
    this.#versions.push(version);
    this.#ends.push(this.#records.next);
    while (
      this.#versions.length > this.#limits.historyCommits ||
      (this.#bytes > this.#limits.historyBytes && this.#versions.length > 1)
    ) {
      this.#drop();
    }
  }

  /** Drops what is older than the bound on age, at `nowMs` of a monotonic clock. Exact to a 64th of that age, never early. */
  expire(nowMs: number): void {
    const marks = this.#markedMs;
    const spacingMs = this.#limits.historyAgeMs / MARKS_PER_AGE;
    if (marks.length === 0 || nowMs - marks.at(marks.next - 1) >= spacingMs) {
      this.#markedNexts.push(this.next);
      marks.push(nowMs);
    }
    while (marks.length > 0 && nowMs - marks.at(marks.first) >= this.#limits.historyAgeMs) {
      const next = this.#markedNexts.shift();
      marks.shift();
      while (this.first < next) this.#drop();
    }
  }

  /** Where the events of a commit begin. */
  #start(position: number): number {
    return position === this.first ? this.#records.first : this.#ends.at(position - 1);
  }

  #event(at: number): KeptEvent {
    const record = this.#records.at(at) as KeptRecord;
    const former = this.#formers.at(at);
    return former === record ? { kind: "delete", record } : { kind: "put", record, previous: former };
  }

  #drop(): void {
    const place = this.first % COMMITS_AT_HAND;
    if (this.#atHand[place]?.position === this.first) this.#atHand[place] = undefined;
    this.#startVersion = this.#versions.shift() as Version;
    const end = this.#ends.shift();
    while (this.#records.first < end) {
      const record = this.#records.shift() as KeptRecord;
      const former = this.#formers.shift();
      this.#bytes -= weight(record, former);
      if (former !== undefined) this.#forget(former);
    }
  }
}

/** What an event weighs against the bound on bytes. */
function weight(record: KeptRecord, former: KeptRecord | undefined): number {
  const formerBytes = former === undefined || former === record ? 0 : former.byteLength;
  return EVENT_BYTES + record.byteLength + formerBytes;
}
