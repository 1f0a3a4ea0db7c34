import { keyString, type OwnerRef, type StoredRecord } from "@trellis/storage";
import sortedBtree from "sorted-btree";

import { compareStrings } from "./record-tree.ts";

const BTree = sortedBtree.default;
type KeyTree = InstanceType<typeof BTree<string, undefined>>;

/** What each incarnation owns now: key strings by owner, in order. Owners need not exist, and deleting one changes nothing here. */
export class OwnerIndex {
  readonly #owned = new Map<string, KeyTree>();

  /** The key strings of what an incarnation owns, in order, from `from` on when it is given. Valid until the next change. */
  ownedBy(owner: OwnerRef, from?: string): Iterable<string> {
    return this.#owned.get(ownerString(owner))?.keys(from) ?? [];
  }

  /** Whether an incarnation owns what is under a key string. */
  owns(owner: OwnerRef, key: string): boolean {
    return this.#owned.get(ownerString(owner))?.has(key) === true;
  }

  /** Notes that the record under a key string was replaced; undefined stands for none. */
  replace(key: string, previous: StoredRecord | undefined, next: StoredRecord | undefined): void {
    const before = previous?.owner === undefined ? undefined : ownerString(previous.owner);
    const after = next?.owner === undefined ? undefined : ownerString(next.owner);
    if (before === after) return;
    if (before !== undefined) {
      const owned = this.#owned.get(before);
      owned?.delete(key);
      if (owned?.size === 0) this.#owned.delete(before);
    }
    if (after !== undefined) {
      const owned = this.#owned.get(after);
      if (owned === undefined)
        this.#owned.set(after, new BTree<string, undefined>([[key, undefined]], compareStrings));
      else owned.set(key, undefined);
    }
  }
}

/** The string form of an incarnation: its key's, then its uid. */
export function ownerString(owner: OwnerRef): string {
  return `${keyString(owner.key)}${owner.uid}`;
}
