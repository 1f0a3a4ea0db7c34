import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Index } from "../cache.ts";
import { requestOf } from "../mappers.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { IndexEntries } from "./index-entries.ts";
import { keyOf } from "./request-key.ts";

/** A change of a cached resource: at least one of both is there. */
export interface CacheChange {
  readonly key: string;
  readonly previous: TypedResource | undefined;
  readonly next: TypedResource | undefined;
}

/** An index function that threw, or returned something else than a list of texts. */
export interface IndexFailure {
  readonly index: Index;
  readonly key: string;
  readonly error: unknown;
}

/**
 * The resources of one type, as a watch tells of them: by name, by owner, and by the indexes that controllers asked for. What it holds is frozen: many
 * controllers look at it.
 */
export class TypeCache {
  readonly type: ResourceType;
  readonly #byKey = new Map<string, TypedResource>();
  readonly #byOwner = new IndexEntries();
  readonly #indexes = new Map<Index, IndexEntries>();
  /** The keys in order; rebuilt when it is asked for after a change of the set. */
  #sorted: readonly string[] | undefined = [];

  constructor(type: ResourceType) {
    this.type = type;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Adds an index before the first resource. */
  addIndex(index: Index): void {
    if (!this.#indexes.has(index)) this.#indexes.set(index, new IndexEntries());
  }

  get(key: string): TypedResource | undefined {
    return this.#byKey.get(key);
  }

  /** All keys, in order of partition, namespace, name. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#byKey.keys()].sort();
    return this.#sorted;
  }

  /** The keys that begin with a text, in order. */
  keysWithPrefix(prefix: string): readonly string[] {
    const keys = this.keys();
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] ?? "") < prefix) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < keys.length && keys[end]?.startsWith(prefix) === true) end++;
    return keys.slice(low, end);
  }

  ownedBy(uid: string): readonly string[] {
    return this.#byOwner.find(uid);
  }

  /** The keys under one key of an index. Throws for an index that nobody declared. */
  indexed(index: Index, indexKey: string): readonly string[] {
    const entries = this.#indexes.get(index);
    if (entries === undefined)
      throw new Error(`index "${index.name}" is not declared: add it to the controller's indexes`);
    return entries.find(indexKey);
  }

  /**
   * Puts or removes a resource; the change that it was. A resource for which an index function fails is not found through that index, and through all
   * others as ever.
   */
  apply(
    key: string,
    next: TypedResource | undefined,
    onIndexFailure: (failure: IndexFailure) => void,
  ): CacheChange {
    const previous = this.#byKey.get(key);
    if (next === undefined) this.#byKey.delete(key);
    else this.#byKey.set(key, freezeDeep(next));
    this.#byOwner.set(key, next?.owner === undefined ? [] : [next.owner.uid]);
    for (const [index, entries] of this.#indexes) {
      try {
        entries.set(key, next === undefined ? [] : keysOf(index, next));
      } catch (error) {
        entries.set(key, []);
        onIndexFailure({ index, key, error });
      }
    }
    if ((previous === undefined) !== (next === undefined)) this.#sorted = undefined;
    return { key, previous, next };
  }
}

/** The key under which a cache keeps a resource. */
export function cacheKey(resource: TypedResource): string {
  return keyOf(requestOf(resource.id));
}

function keysOf(index: Index, resource: TypedResource): readonly string[] {
  const keys: unknown = index.keys(resource as never);
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== "string"))
    throw new TypeError(`index "${index.name}" must return a list of texts`);
  return keys as string[];
}
