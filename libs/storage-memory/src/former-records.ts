import type { Version } from "@trellis/storage";

import type { KeptKey } from "./kept-key.ts";
import type { KeptRecord } from "./kept-record.ts";

/**
 * What was replaced since a version, up to the next newer one that is kept: the records that its copies have, and the present has not. Each knows the next, so
 * that a replacement is noted once, however many copies there are.
 */
export class FormersSince {
  readonly version: Version;
  readonly #formers: FormerRecords;
  #records = new Map<KeptKey, KeptRecord>();
  /** Copies that read it, as far as the garbage collector has told. */
  readers = 0;
  older: FormersSince | undefined;
  newer: FormersSince | undefined;

  constructor(version: Version, formers: FormerRecords) {
    this.version = version;
    this.#formers = formers;
  }

  /** Stays until this copy is gone, and all others that it serves to. */
  servesTo(copy: object): void {
    this.#formers.watch(copy, this);
  }

  /** The record that a key had, if it was replaced since. */
  find(key: KeptKey): KeptRecord | undefined {
    let record = this.#records.get(key);
    for (let { newer } = this; record === undefined && newer !== undefined; newer = newer.newer)
      record = newer.#records.get(key);
    return record;
  }

  keep(record: KeptRecord): void {
    this.#records.set(record.keptKey, record);
  }

  /** Takes over what the next newer one has, which nobody reads by itself any more. */
  absorb(newer: FormersSince): void {
    const own = this.#records;
    const others = newer.#records;
    // The smaller one goes into the larger. What this one has was there first.
    if (own.size < others.size) {
      for (const [key, record] of own) others.set(key, record);
      this.#records = others;
    } else for (const [key, record] of others) if (!own.has(key)) own.set(key, record);
  }
}

/** Calls back when an object is gone, some time later. The callback must not hold the object. */
export type WhenGone = (object: object, callback: () => void) => void;

function garbageCollector(): WhenGone {
  const registry = new FinalizationRegistry<() => void>((callback) => callback());
  return (object, callback) => registry.register(object, callback);
}

/**
 * Who of the readers of older versions needs which former record. A copy is there as long as somebody has it, which the garbage collector alone knows: it is asked to tell, and never whether
 * a copy is still there, since asking keeps it.
 */
export class FormerRecords {
  #newest: FormersSince | undefined;
  #size = 0;
  readonly #whenGone: WhenGone;

  constructor(whenGone: WhenGone = garbageCollector()) {
    this.#whenGone = whenGone;
  }

  /** Versions of which records are kept. */
  get size(): number {
    return this.#size;
  }

  /** Notes that a record was replaced. */
  keep(former: KeptRecord): void {
    const newest = this.#newest;
    // A newer record is of no copy's version.
    if (newest !== undefined && former.version <= newest.version) newest.keep(former);
  }

  /** What is replaced from now on, which is `version`. */
  since(version: Version): FormersSince {
    const newest = this.#newest;
    if (newest?.version === version) return newest;
    const since = new FormersSince(version, this);
    since.older = newest;
    if (newest !== undefined) newest.newer = since;
    this.#newest = since;
    this.#size += 1;
    return since;
  }

  watch(copy: object, since: FormersSince): void {
    since.readers += 1;
    this.#whenGone(copy, () => this.#forget(since));
  }

  #forget(since: FormersSince): void {
    since.readers -= 1;
    if (since.readers > 0) return;
    const { older, newer } = since;
    this.#size -= 1;
    if (older !== undefined) {
      older.absorb(since);
      older.newer = newer;
    }
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
