import { OrderedKeys } from "./ordered-keys.ts";

/** One resource alone, or several in order: most keys have one, and a tree for each would outweigh them. */
type Found = string | OrderedKeys;

/** Which resources are found under which key, and the way back, so that a resource's old keys need not be computed again. */
export class IndexEntries {
  readonly #found = new Map<string, Found>();
  readonly #keysOf = new Map<string, readonly string[]>();
  /** The keys in order; there once somebody has looked by prefix. */
  #ordered: OrderedKeys | undefined;

  /** The keys under which a resource is found. */
  keysOf(resource: string): readonly string[] {
    return this.#keysOf.get(resource) ?? [];
  }

  /** Replaces the keys under which a resource is found. */
  set(resource: string, keys: readonly string[]): void {
    const before = this.keysOf(resource);
    // Most changes of a resource are none of what it is found under.
    if (before.length === keys.length && before.every((key, place) => key === keys[place])) return;
    for (const key of before) this.#remove(key, resource);
    if (keys.length === 0) this.#keysOf.delete(resource);
    else this.#keysOf.set(resource, keys);
    for (const key of keys) this.#add(key, resource);
  }

  /** The resources under exactly this key, in order. */
  find(key: string): readonly string[] {
    const found = this.#found.get(key);
    if (found === undefined) return [];
    return typeof found === "string" ? [found] : found.withPrefix();
  }

  /** The resources under any key that begins with a text, in order, each once. */
  findByPrefix(prefix: string): readonly string[] {
    const ordered = (this.#ordered ??= this.#order());
    const keys = ordered.withPrefix(prefix);
    const [first] = keys;
    if (first === undefined) return [];
    return keys.length === 1 ? this.find(first) : inOrder(keys.flatMap((key) => this.find(key)));
  }

  /** The resources under any key with which a text begins, in order, each once. */
  findParents(text: string): readonly string[] {
    const found: string[] = [];
    for (let length = 0; length <= text.length; length++) found.push(...this.find(text.slice(0, length)));
    return inOrder(found);
  }

  #add(key: string, resource: string): void {
    const found = this.#found.get(key);
    if (found === undefined) {
      this.#found.set(key, resource);
      this.#ordered?.add(key);
      return;
    }
    if (found === resource) return;
    if (typeof found !== "string") {
      found.add(resource);
      return;
    }
    const several = new OrderedKeys();
    several.add(found);
    several.add(resource);
    this.#found.set(key, several);
  }

  #remove(key: string, resource: string): void {
    const found = this.#found.get(key);
    if (typeof found === "object") found.delete(resource);
    if (found !== resource && !(typeof found === "object" && found.size === 0)) return;
    this.#found.delete(key);
    this.#ordered?.delete(key);
  }

  #order(): OrderedKeys {
    const ordered = new OrderedKeys();
    for (const key of this.#found.keys()) ordered.add(key);
    return ordered;
  }
}

function inOrder(resources: readonly string[]): readonly string[] {
  return [...new Set(resources)].sort();
}
