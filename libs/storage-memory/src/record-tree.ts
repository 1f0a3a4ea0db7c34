import type { Version } from "@trellis/storage";
import sortedBtree from "sorted-btree";

import { FormerRecords, type FormersSince, type WhenGone } from "./former-records.ts";
import { KeptKey } from "./kept-key.ts";
import type { KeptRecord } from "./kept-record.ts";
import type { KeyRange } from "./key-range.ts";

const BTree = sortedBtree.default;
type KeyTree = InstanceType<typeof BTree<KeptKey, undefined>>;

/** One slice of a walk. */
export interface TreeSlice {
  readonly records: readonly KeptRecord[];
  /** Why it stopped: the range is done, as many records as asked are here and another follows, or as many keys were looked at. */
  readonly stopped: "done" | "records" | "visits";
  /** The last key string that was looked at, to go on after; `after` when none was. */
  readonly last: string | undefined;
}

/** How far one slice of a walk goes. */
export interface SliceBounds {
  /** Continues after this key string. */
  readonly after: string | undefined;
  /** At most this many records are returned. */
  readonly records: number;
  /** At most this many keys are looked at, matching or not. */
  readonly visits: number;
}

/** The records of a version in the order of their key strings: those of now, or of a copy. */
export abstract class RecordTree {
  protected readonly keys: KeyTree;

  constructor(keys: KeyTree) {
    this.keys = keys;
  }

  /** The record that a key of the tree has in it. */
  abstract recordOf(key: KeptKey): KeptRecord;

  get size(): number {
    return this.keys.size;
  }

  /** The record under a key's string form. */
  get(text: string): KeptRecord | undefined {
    let found: KeptRecord | undefined;
    const key = new KeptKey(text);
    this.keys.forRange(key, key, true, (kept) => {
      found = this.recordOf(kept);
    });
    return found;
  }

  /** Walks a range in order, up to the bounds. */
  walk(range: KeyRange, bounds: SliceBounds): TreeSlice {
    const records: KeptRecord[] = [];
    const { prefix, matches } = range;
    const { after } = bounds;
    let visits = 0;
    let last = after;
    let stopped: TreeSlice["stopped"] = "done";
    const from = after !== undefined && after > prefix ? after : prefix;
    this.keys.forRange(new KeptKey(from), LAST_KEY, true, (key) => {
      const { text } = key;
      if (text === after) return undefined;
      if (!text.startsWith(prefix)) return STOP;
      const record = this.recordOf(key);
      const wanted = matches === undefined || matches(record.key);
      if (visits >= bounds.visits) stopped = "visits";
      else if (wanted && records.length >= bounds.records) stopped = "records";
      if (stopped !== "done") return STOP;
      visits++;
      last = text;
      if (wanted) records.push(record);
      return undefined;
    });
    return { records, stopped, last };
  }
}

/** The records of now. Copies of it cost what changes after them: the tree's nodes for new and deleted keys, the former records for the others. */
export class PresentTree extends RecordTree {
  readonly #formers: FormerRecords;

  constructor(whenGone?: WhenGone) {
    super(new BTree<KeptKey, undefined>(undefined, compareKeys));
    this.#formers = new FormerRecords(whenGone);
  }

  /** Versions of which somebody has a copy yet, as far as the garbage collector has told. */
  get copied(): number {
    return this.#formers.size;
  }

  recordOf(key: KeptKey): KeptRecord {
    return key.record;
  }

  add(key: KeptKey): void {
    this.keys.set(key, undefined);
  }

  delete(key: KeptKey): void {
    this.keys.delete(key);
  }

  /** Notes that another record takes the place of this one, under the same key. */
  replaced(former: KeptRecord): void {
    this.#formers.keep(former);
  }

  /** A copy of now, which is `version`: nothing that comes later changes it. */
  copy(version: Version): TreeCopy {
    return new TreeCopy(version, this.keys.clone(), this.#formers.since(version));
  }
}

/** The records of an older version: its keys, the records that are not those of now, and all others where they are. */
export class TreeCopy extends RecordTree {
  readonly version: Version;
  /** What changed since this copy was made, or the one that it was made of. */
  readonly #since: FormersSince;
  /** What it has otherwise than the copy that it was made of. */
  readonly #undone = new Map<KeptKey, KeptRecord>();

  constructor(version: Version, keys: KeyTree, since: FormersSince) {
    super(keys);
    this.version = version;
    this.#since = since;
    since.servesTo(this);
  }

  recordOf(key: KeptKey): KeptRecord {
    return this.#undone.get(key) ?? this.#since.find(key) ?? key.record;
  }

  /** What becomes the copy of an older version, once it has kept what is `undone` here and everything is undone that happened between the two. */
  older(version: Version): TreeCopy {
    return new TreeCopy(version, this.keys.clone(), this.#since);
  }

  /** What it has otherwise than the copy that was made of the present of its time. */
  get undone(): Iterable<KeptRecord> {
    return this.#undone.values();
  }

  /** Undoes all changes of a key: it had this record. */
  restore(record: KeptRecord): void {
    this.keys.set(record.keptKey, undefined);
    this.keep(record);
  }

  /** Keeps what is undone in the copy that it is made of. */
  keep(record: KeptRecord): void {
    this.#undone.set(record.keptKey, record);
  }

  /** Undoes all changes of a key: there was none. */
  remove(key: string): void {
    this.keys.delete(new KeptKey(key));
  }
}

/** Ends a walk. */
const STOP = { break: true };
/** Beyond every key string: keys are ASCII. */
const LAST_KEY = new KeptKey("\uffff");

function compareKeys(a: KeptKey, b: KeptKey): number {
  return compareStrings(a.text, b.text);
}

/** The order of key strings. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
