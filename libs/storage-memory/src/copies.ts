import type { Version } from "@trellis/storage";

import { Cell } from "./cell.ts";
import type { History } from "./history.ts";
import type { KeptRecord } from "./kept-record.ts";
import type { StoreLimits } from "./limits.ts";
import type { RecordTree } from "./record-tree.ts";

/** What a pinned copy costs at most for each key that changed since, besides the bytes of its record: copied tree nodes, or what is remembered of its cell. */
const CHANGED_KEY_BYTES = 1024;

interface Copy {
  readonly tree: RecordTree;
  /** What all changes up to its version had cost. */
  readonly churn: number;
  lastReadMs: number;
}

/**
 * The pinned copies of older versions: at most one per version, shared by all pages and watch snapshots that show it, bounded in number,
 * bytes and idle time. A copy that was let go, or never made, is built again from the history while that reaches back.
 */
export class Copies {
  /** In the order of their last use. */
  readonly #copies = new Map<Version, Copy>();
  readonly #limits: StoreLimits;
  #churn = 0;
  #nowMs = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#copies.size;
  }

  /** What the copies together hold that the present state does not: an upper bound, that of the oldest, as they share. */
  get bytes(): number {
    let least = this.#churn;
    for (const copy of this.#copies.values()) least = Math.min(least, copy.churn);
    return this.#churn - least;
  }

  /** Counts a change of the present state against the copies. */
  noteChange(previous: KeptRecord | undefined): void {
    this.#churn += CHANGED_KEY_BYTES + (previous?.byteLength ?? 0);
  }

  /** Lets go of copies beyond the bounds, at `nowMs` of a monotonic clock. */
  expire(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [version, copy] of this.#copies) {
      const idle = nowMs - copy.lastReadMs >= this.#limits.copyAgeMs;
      if (idle || this.#churn - copy.churn > this.#limits.copyBytes) this.#copies.delete(version);
    }
  }

  /** The copy of a version, if it is pinned. */
  find(version: Version): RecordTree | undefined {
    const copy = this.#copies.get(version);
    if (copy === undefined) return undefined;
    copy.lastReadMs = this.#nowMs;
    this.#copies.delete(version);
    this.#copies.set(version, copy);
    return copy.tree;
  }

  /** Pins a tree as the copy of a version. `churn` is what `churnNow` said when the tree was the present. */
  pin(version: Version, tree: RecordTree, churn: number): void {
    this.#copies.set(version, { tree, churn, lastReadMs: this.#nowMs });
    for (const oldest of this.#copies.keys()) {
      if (this.#copies.size <= this.#limits.copies) return;
      this.#copies.delete(oldest);
    }
  }

  /** What all changes so far have cost. */
  get churnNow(): number {
    return this.#churn;
  }

  /** The pinned version nearest above a version, to build that from. */
  nearestAfter(version: Version): { readonly version: Version; readonly tree: RecordTree } | undefined {
    let nearest: Version | undefined;
    for (const pinned of this.#copies.keys()) {
      if (pinned > version && (nearest === undefined || pinned < nearest)) nearest = pinned;
    }
    const tree = nearest === undefined ? undefined : this.find(nearest);
    return nearest === undefined || tree === undefined ? undefined : { version: nearest, tree };
  }
}

/** What {@link Rebuild} undoes at once, about two milliseconds of work. */
const REBUILD_SLICE = 512;

/**
 * Builds the tree of an older version from a newer one by undoing what the history says happened between, in slices, so that a long way
 * back stops nobody. It takes its share of the history when it begins; later trimming does not hurt it.
 */
export class Rebuild {
  readonly tree: RecordTree;
  /** What the tree holds that the newer one does not, in the measure of {@link Copies}. */
  readonly cost: number;
  readonly #undo: Iterator<readonly [string, KeptRecord | undefined]>;

  /** `newer` is a copy of `newerVersion`, at least `version`, and both are within the history. */
  constructor(version: Version, newer: RecordTree, newerVersion: Version, history: History) {
    this.tree = newer.clone();
    const before = new Map<string, KeptRecord | undefined>();
    let cost = 0;
    const end = history.positionAfter(newerVersion);
    history.visit(history.positionAfter(version), end, ({ text }, former) => {
      if (before.has(text)) return;
      before.set(text, former);
      cost += CHANGED_KEY_BYTES + (former?.byteLength ?? 0);
    });
    this.#undo = before.entries();
    this.cost = cost;
  }

  /** Undoes one slice. True when the tree is done. */
  advance(): boolean {
    for (let count = 0; count < REBUILD_SLICE; count++) {
      const step = this.#undo.next();
      if (step.done === true) return true;
      const [key, record] = step.value;
      if (record === undefined) this.tree.delete(key);
      else this.tree.set(cellWith(record));
    }
    return false;
  }
}

/** A cell of its own: what is in it stays. */
function cellWith(record: KeptRecord): Cell {
  const cell = new Cell(record.text);
  cell.record = record;
  return cell;
}
