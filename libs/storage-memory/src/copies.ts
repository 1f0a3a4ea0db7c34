import type { Version } from "@trellis/storage";

import type { History } from "./history.ts";
import type { KeptRecord } from "./kept-record.ts";
import type { StoreLimits } from "./limits.ts";
import type { TreeCopy } from "./record-tree.ts";

/** What the pinned copies cost for a key that changed since, besides the bytes of its record: 48 in each of 32, or nodes of the tree for a key that is new or gone. */
const CHANGED_KEY_BYTES = 1536;

interface Copy {
  readonly tree: TreeCopy;
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
  find(version: Version): TreeCopy | undefined {
    const copy = this.#copies.get(version);
    if (copy === undefined) return undefined;
    copy.lastReadMs = this.#nowMs;
    this.#copies.delete(version);
    this.#copies.set(version, copy);
    return copy.tree;
  }

  /** Pins a copy as that of its version. `churn` is what `churnNow` said when that was the present. */
  pin(tree: TreeCopy, churn: number): void {
    this.#copies.set(tree.version, { tree, churn, lastReadMs: this.#nowMs });
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
  nearestAfter(version: Version): TreeCopy | undefined {
    let nearest: Version | undefined;
    for (const pinned of this.#copies.keys()) {
      if (pinned > version && (nearest === undefined || pinned < nearest)) nearest = pinned;
    }
    return nearest === undefined ? undefined : this.find(nearest);
  }
}

/** What {@link Rebuild} undoes at once, about two milliseconds of work at most. */
const REBUILD_SLICE = 512;

/**
 * Builds the copy of an older version from that of a newer one by undoing what the history says happened between, in slices, so that a long way
 * back stops nobody. It takes its share of the history when it begins; later trimming does not hurt it.
 */
export class Rebuild {
  readonly tree: TreeCopy;
  /** What the tree holds that the newer one does not, in the measure of {@link Copies}. */
  readonly cost: number;
  readonly #undone: Iterator<KeptRecord>;
  readonly #undo: Iterator<readonly [string, KeptRecord | undefined]>;

  /** `newer` is of at least `version`, and both are within the history. */
  constructor(version: Version, newer: TreeCopy, history: History) {
    this.tree = newer.older(version);
    const before = new Map<string, KeptRecord | undefined>();
    let cost = 0;
    const end = history.positionAfter(newer.version);
    history.visit(history.positionAfter(version), end, ({ text }, former) => {
      if (before.has(text)) return;
      before.set(text, former);
      cost += CHANGED_KEY_BYTES + (former?.byteLength ?? 0);
    });
    this.#undone = newer.undone[Symbol.iterator]();
    this.#undo = before.entries();
    this.cost = cost;
  }

  /** Undoes one slice. True when the tree is done. */
  advance(): boolean {
    for (let count = 0; count < REBUILD_SLICE; count++) {
      const undone = this.#undone.next();
      if (undone.done !== true) {
        this.tree.keep(undone.value);
        continue;
      }
      const step = this.#undo.next();
      if (step.done === true) return true;
      const [key, record] = step.value;
      if (record === undefined) this.tree.remove(key);
      else this.tree.restore(record);
    }
    return false;
  }
}
