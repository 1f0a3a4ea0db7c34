import { keyString, type OwnerRef, type StoredRecord } from "@trellis/storage";
// A CommonJS package whose class is its export named default: Node gives the exports, so it is one step further.
import sortedBtree from "sorted-btree";

type Tree = sortedBtree.default<string, StoredRecord>;

/** The records in order, and again in order of who owns them. Cloning is cheap: the clones share what neither has changed. */
export interface Tables {
  readonly byKey: Tree;
  readonly byOwner: Tree;
}

/** Orders keys by their bytes: legal keys are ASCII. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Makes empty tables. */
export function createTables(): Tables {
  return {
    byKey: new sortedBtree.default<string, StoredRecord>(undefined, compare),
    byOwner: new sortedBtree.default<string, StoredRecord>(undefined, compare),
  };
}

/** A copy that later changes of the original do not touch. */
export function cloneTables({ byKey, byOwner }: Tables): Tables {
  return { byKey: byKey.clone(), byOwner: byOwner.clone() };
}

/** Where the index by owner begins for one incarnation: all keys with this prefix are what it owns. */
export function ownerPrefix({ key, uid }: OwnerRef): string {
  return `${keyString(key)}${uid}\0`;
}

/** Replaces what is stored under a key. */
export function replaceRecord(
  tables: Tables,
  previous: StoredRecord | undefined,
  next: StoredRecord | undefined,
): void {
  if (previous !== undefined) {
    const key = keyString(previous.key);
    if (next === undefined) tables.byKey.delete(key);
    if (previous.owner !== undefined) tables.byOwner.delete(ownerPrefix(previous.owner) + key);
  }
  if (next !== undefined) {
    const key = keyString(next.key);
    tables.byKey.set(key, next);
    if (next.owner !== undefined) tables.byOwner.set(ownerPrefix(next.owner) + key, next);
  }
}
