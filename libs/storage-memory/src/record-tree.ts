import sortedBtree from "sorted-btree";

import type { Cell } from "./cell.ts";
import type { KeptRecord } from "./kept-record.ts";
import type { KeyRange } from "./key-range.ts";
import type { Look } from "./past.ts";

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

type CellTree = InstanceType<typeof BTree<string, Cell>>;

/** The records in the order of their key strings: those of the present, or of the version that a look is at. */
export class RecordTree {
  readonly #cells: CellTree;
  readonly #look: Look | undefined;

  constructor(cells: CellTree = new BTree<string, Cell>(undefined, compareStrings), look?: Look) {
    this.#cells = cells;
    this.#look = look;
  }

  get size(): number {
    return this.#cells.size;
  }

  get(key: string): KeptRecord | undefined {
    const cell = this.#cells.get(key);
    return cell === undefined ? undefined : this.#shown(cell);
  }

  set(cell: Cell): void {
    this.#cells.set(cell.text, cell);
  }

  delete(key: string): void {
    this.#cells.delete(key);
  }

  /** A copy that stays as it is, for which a present one needs the look that begins now. Takes O(1): the two share what neither has changed since. */
  clone(look = this.#look): RecordTree {
    return new RecordTree(this.#cells.clone(), look);
  }

  #shown(cell: Cell): KeptRecord {
    if (this.#look !== undefined) return this.#look.find(cell);
    if (cell.record === undefined)
      throw new Error(`broken invariant of a store: nothing is in the cell of ${cell.text}`);
    return cell.record;
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
      this.#cells.forRange(from, LAST_STRING, true, (key, cell) => {
        if (key === after) return undefined;
        if (!key.startsWith(prefix)) return STOP;
        const later = nextAfter?.(key);
        if (visits >= bounds.visits) stopped = "visits";
        else if (later === undefined && records.length >= bounds.records) stopped = "records";
        if (stopped !== "done") return STOP;
        visits++;
        last = key;
        if (later === undefined) {
          records.push(this.#shown(cell));
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
