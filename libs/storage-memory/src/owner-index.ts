import { keyString, type OwnerRef, type StoredRecord } from "@trellis/storage";

/** What each incarnation owns now: key strings by owner. Owners need not exist, and deleting one changes nothing here. */
export class OwnerIndex {
  readonly #owned = new Map<string, Set<string>>();

  /** The key strings of what an incarnation owns, in no order. */
  ownedBy(owner: OwnerRef): ReadonlySet<string> {
    return this.#owned.get(ownerString(owner)) ?? NOTHING;
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
      if (owned === undefined) this.#owned.set(after, new Set([key]));
      else owned.add(key);
    }
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** The string form of an incarnation: its key's, then its uid. */
export function ownerString(owner: OwnerRef): string {
  return `${keyString(owner.key)}${owner.uid}`;
}
