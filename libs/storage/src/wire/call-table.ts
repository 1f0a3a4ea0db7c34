/** So many calls are taken out, and half as many again as there are, before the table is begun anew. */
const RENEWED_AFTER = 64;

/**
 * Calls of a stream by their number. Begun anew now and then: V8 keeps the tables that a `Map` replaces, and what was in them, until the next full collection
 * (docs/decisions/0010-the-garbage-of-a-call-dies-young.md).
 */
export class CallTable<Id, Item> {
  #items = new Map<Id, Item>();
  #removed = 0;

  get size(): number {
    return this.#items.size;
  }

  has(id: Id): boolean {
    return this.#items.has(id);
  }

  get(id: Id): Item | undefined {
    return this.#items.get(id);
  }

  set(id: Id, item: Item): void {
    this.#items.set(id, item);
  }

  delete(id: Id): void {
    if (!this.#items.delete(id)) return;
    if (++this.#removed < RENEWED_AFTER + this.#items.size / 2) return;
    this.#items = new Map(this.#items);
    this.#removed = 0;
  }

  /** All that are there now: they may be taken out meanwhile. */
  all(): readonly Item[] {
    return [...this.#items.values()];
  }
}
