/** Which resources are found under which key, and the way back, so that a resource's old keys need not be computed again. */
export class IndexEntries {
  readonly #found = new Map<string, Set<string>>();
  readonly #keysOf = new Map<string, readonly string[]>();

  /** Replaces the keys under which a resource is found. */
  set(resource: string, keys: readonly string[]): void {
    for (const key of this.#keysOf.get(resource) ?? []) {
      const resources = this.#found.get(key);
      resources?.delete(resource);
      if (resources?.size === 0) this.#found.delete(key);
    }
    if (keys.length === 0) this.#keysOf.delete(resource);
    else this.#keysOf.set(resource, keys);
    for (const key of keys) {
      const resources = this.#found.get(key) ?? new Set();
      resources.add(resource);
      this.#found.set(key, resources);
    }
  }

  /** The resources under exactly this key, in order. */
  find(key: string): readonly string[] {
    return [...(this.#found.get(key) ?? [])].sort();
  }
}
