import type { Random } from "@trellis/resource";

/** Names in the order in which they came, each once. Taking the first takes constant time however many were taken before it. */
export class Fifo {
  readonly #names = new Set<string>();
  /** Where the first is looked for: a new look would pass over the places of all who were taken. */
  #order = this.#names.values();

  get size(): number {
    return this.#names.size;
  }

  add(name: string): void {
    this.#names.add(name);
  }

  /** Whether it was there. */
  delete(name: string): boolean {
    return this.#names.delete(name);
  }

  clear(): void {
    this.#names.clear();
  }

  /** Takes the first; undefined when there is none. */
  take(): string | undefined {
    let first = this.#order.next();
    if (first.done === true) {
      // It had come to the end, and stays there whoever comes after.
      this.#order = this.#names.values();
      first = this.#order.next();
    }
    if (first.done === true) return undefined;
    this.#names.delete(first.value);
    return first.value;
  }

  /** Takes any, in a time that grows with their number; undefined when there is none. */
  takeAny(random: Random): string | undefined {
    const name = [...this.#names][Math.floor(random() * this.#names.size)];
    if (name !== undefined) this.#names.delete(name);
    return name;
  }
}
