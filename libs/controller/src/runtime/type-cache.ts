import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Index } from "../cache.ts";
import { requestOf } from "../mappers.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { IndexEntries } from "./index-entries.ts";
import { OrderedMap } from "./ordered-map.ts";
import { keyOf } from "./request-key.ts";

/** A change of a cached resource: at least one of both is there. */
export interface CacheChange {
  readonly key: string;
  readonly previous: TypedResource | undefined;
  readonly next: TypedResource | undefined;
  /** Under which keys each index of the cache found the resource, and finds it now. */
  readonly indexKeys: ReadonlyMap<Index, IndexKeys>;
}

/** The keys under which an index finds a resource, before and after a change. */
export interface IndexKeys {
  readonly previous: readonly string[];
  readonly next: readonly string[];
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
  readonly #inOrder = new OrderedMap<TypedResource>();
  readonly #byOwner = new IndexEntries();
  readonly #indexes = new Map<Index, IndexEntries>();

  constructor(type: ResourceType) {
    this.type = type;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Adds an index, over what is there already too. */
  addIndex(index: Index, onIndexFailure: (failure: IndexFailure) => void = () => undefined): void {
    if (this.#indexes.has(index)) return;
    const entries = new IndexEntries();
    this.#indexes.set(index, entries);
    for (const [key, resource] of this.#byKey) setKeys(entries, { index, key, resource, onIndexFailure });
  }

  /** Forgets an index that nobody looks through any more. */
  removeIndex(index: Index): void {
    this.#indexes.delete(index);
  }

  get(key: string): TypedResource | undefined {
    return this.#byKey.get(key);
  }

  /** The keys that begin with a text, in order of partition, namespace, name; all without one. */
  keys(prefix?: string): readonly string[] {
    return this.#inOrder.keys(prefix);
  }

  /** The resources whose keys begin with a text, in the same order. */
  list(prefix?: string): readonly TypedResource[] {
    return this.#inOrder.values(prefix);
  }

  ownedBy(uid: string): readonly string[] {
    return this.#byOwner.find(uid);
  }

  /** What an index found, to look up by key, prefix or parents. Throws for an index that nobody declared. */
  entriesOf(index: Index): Pick<IndexEntries, "find" | "findByPrefix" | "findParents"> {
    const entries = this.#indexes.get(index);
    if (entries === undefined)
      throw new Error(`index "${index.name}" is not declared: add it to the controller's indexes`);
    return entries;
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
    if (next === undefined) {
      this.#byKey.delete(key);
      this.#inOrder.delete(key);
    } else {
      this.#byKey.set(key, freezeDeep(next));
      this.#inOrder.set(key, next);
    }
    this.#byOwner.set(key, next?.owner === undefined ? [] : [next.owner.uid]);
    return { key, previous, next, indexKeys: this.#applyToIndexes(key, next, onIndexFailure) };
  }

  #applyToIndexes(
    key: string,
    resource: TypedResource | undefined,
    onIndexFailure: (failure: IndexFailure) => void,
  ): ReadonlyMap<Index, IndexKeys> {
    if (this.#indexes.size === 0) return NO_INDEX_KEYS;
    const changes = new Map<Index, IndexKeys>();
    for (const [index, entries] of this.#indexes) {
      const previous = entries.keysOf(key);
      setKeys(entries, { index, key, resource, onIndexFailure });
      changes.set(index, { previous, next: entries.keysOf(key) });
    }
    return changes;
  }
}

/** The key under which a cache keeps a resource. */
export function cacheKey(resource: TypedResource): string {
  return keyOf(requestOf(resource.id));
}

const NO_INDEX_KEYS: ReadonlyMap<Index, IndexKeys> = new Map();

/** Has an index find a resource under the keys that its function says, or under none when that fails or there is no resource. */
function setKeys(
  entries: IndexEntries,
  {
    index,
    key,
    resource,
    onIndexFailure,
  }: {
    readonly index: Index;
    readonly key: string;
    readonly resource: TypedResource | undefined;
    readonly onIndexFailure: (failure: IndexFailure) => void;
  },
): void {
  try {
    entries.set(key, resource === undefined ? [] : keysOf(index, resource));
  } catch (error) {
    entries.set(key, []);
    onIndexFailure({ index, key, error });
  }
}

function keysOf(index: Index, resource: TypedResource): readonly string[] {
  const keys: unknown = index.keys(resource as never);
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== "string"))
    throw new TypeError(`index "${index.name}" must return a list of texts`);
  // Those of its data are frozen and shared; what is not could change behind the index's back.
  return Object.isFrozen(keys) ? (keys as string[]) : [...(keys as string[])];
}
