import { OrderedMap } from "./ordered-map.ts";

/** Texts in order, each once. */
export class OrderedKeys {
  readonly #map = new OrderedMap<undefined>();

  get size(): number {
    return this.#map.size;
  }

  add(key: string): void {
    this.#map.set(key, undefined);
  }

  delete(key: string): void {
    this.#map.delete(key);
  }

  /** Those that begin with a text, in order; all without one. */
  withPrefix(prefix = ""): readonly string[] {
    return this.#map.keys(prefix);
  }
}
