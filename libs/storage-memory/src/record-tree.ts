import sortedBtree from "sorted-btree";

import type { KeptRecord } from "./kept-record.ts";
import type { KeyRange } from "./key-range.ts";

const BTree = sortedBtree.default;

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

/** The records in the order of their key strings. `clone` is O(1): the two share what neither has changed since. */
export class RecordTree {
  readonly #tree: InstanceType<typeof BTree<string, KeptRecord>>;

  constructor(tree = new BTree<string, KeptRecord>(undefined, compareStrings)) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): KeptRecord | undefined {
    return this.#tree.get(key);
  }

  set(key: string, record: KeptRecord): void {
    this.#tree.set(key, record);
  }

  delete(key: string): void {
    this.#tree.delete(key);
  }

  clone(): RecordTree {
    return new RecordTree(this.#tree.clone());
  }

  /** Walks a range in order, up to the bounds. Where many keys in a row do not match it goes on at the next that may. */
  walk(range: KeyRange, bounds: SliceBounds): TreeSlice {
    const records: KeptRecord[] = [];
    const { prefix, nextAfter } = range;
    const { after } = bounds;
    let visits = 0;
    let last = after;
    let stopped: TreeSlice["stopped"] = "done";
    let from: string | undefined = after !== undefined && after > prefix ? after : prefix;
    while (from !== undefined) {
      let next: string | undefined;
      let misses = 0;
      this.#tree.forRange(from, LAST_STRING, true, (key, record) => {
        if (key === after) return undefined;
        if (!key.startsWith(prefix)) return STOP;
        const later = nextAfter?.(key);
        if (visits >= bounds.visits) stopped = "visits";
        else if (later === undefined && records.length >= bounds.records) stopped = "records";
        if (stopped !== "done") return STOP;
        visits++;
        last = key;
        if (later === undefined) {
          records.push(record);
          misses = 0;
        } else if (++misses === MISSES_IN_A_ROW) {
          next = later;
          return STOP;
        }
        return undefined;
      });
      from = next;
    }
    return { records, stopped, last };
  }
}

/** To look for another key takes as long as to look at so many in a row. */
const MISSES_IN_A_ROW = 16;
/** Ends a walk. */
const STOP = { break: true };
/** Beyond every key string: keys are ASCII. */
const LAST_STRING = "\uffff";

/** The order of key strings. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
