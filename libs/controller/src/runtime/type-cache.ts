import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Index } from "../cache.ts";
import { requestOf } from "../mappers.ts";
import { keyOf } from "./request-key.ts";

/** A change of a cached resource: at least one of both is there. */
export interface CacheChange {
  readonly key: string;
  readonly previous: TypedResource | undefined;
  readonly next: TypedResource | undefined;
}

/** The resources of one type, as a watch tells of them: by name, by owner, and by the indexes that controllers asked for. */
export class TypeCache {
  readonly type: ResourceType;
  readonly #byKey = new Map<string, TypedResource>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #indexes = new Map<Index, Map<string, Set<string>>>();
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
    if (!this.#indexes.has(index)) this.#indexes.set(index, new Map());
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
    return [...(this.#byOwner.get(uid) ?? [])].sort();
  }

  /** The keys under one key of an index. Throws for an index that nobody declared. */
  indexed(index: Index, indexKey: string): readonly string[] {
    const entries = this.#indexes.get(index);
    if (entries === undefined)
      throw new Error(`index "${index.name}" is not declared: add it to the controller's indexes`);
    return [...(entries.get(indexKey) ?? [])].sort();
  }

  /** Puts or removes a resource; the change that it was. An index function that throws leaves the cache as it was. */
  apply(key: string, next: TypedResource | undefined): CacheChange {
    const previous = this.#byKey.get(key);
    const added = [...this.#indexes.keys()].map(
      (index) => [index, next === undefined ? [] : [...index.keys(next as never)]] as const,
    );
    if (previous !== undefined) this.#unlink(key, previous);
    if (next === undefined) {
      this.#byKey.delete(key);
    } else {
      this.#byKey.set(key, next);
      if (next.owner !== undefined) link(this.#byOwner, next.owner.uid, key);
      for (const [index, indexKeys] of added) {
        const entries = this.#indexes.get(index);
        if (entries !== undefined) for (const indexKey of indexKeys) link(entries, indexKey, key);
      }
    }
    if ((previous === undefined) !== (next === undefined)) this.#sorted = undefined;
    return { key, previous, next };
  }

  #unlink(key: string, previous: TypedResource): void {
    if (previous.owner !== undefined) unlink(this.#byOwner, previous.owner.uid, key);
    for (const [index, entries] of this.#indexes) {
      for (const indexKey of index.keys(previous as never)) unlink(entries, indexKey, key);
    }
  }
}

/** The key under which a cache keeps a resource. */
export function cacheKey(resource: TypedResource): string {
  return keyOf(requestOf(resource.id));
}

function link(entries: Map<string, Set<string>>, from: string, to: string): void {
  let set = entries.get(from);
  if (set === undefined) {
    set = new Set();
    entries.set(from, set);
  }
  set.add(to);
}

function unlink(entries: Map<string, Set<string>>, from: string, to: string): void {
  const set = entries.get(from);
  set?.delete(to);
  if (set?.size === 0) entries.delete(from);
}
