/** An item of {@link LinkedItems}: what it is extends this. */
export class Linked {
  /** Its neighbours; undefined at an end, and for what is in no list. */
  previous: this | undefined;
  next: this | undefined;
  isListed = false;
}

/**
 * Items in the order in which they came. A `Set` that changes with every call does the same, but V8 keeps its replaced tables, and what was in them, until the next full collection; an item
 * that is taken out of here is held by nothing, and holds no other.
 */
export class LinkedItems<Item extends Linked> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  get first(): Item | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends an item that is in no list. */
  add(item: Item): void {
    item.isListed = true;
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Takes an item out. Does nothing when it is out already. */
  remove(item: Item): void {
    if (!item.isListed) return;
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.isListed = false;
    item.previous = undefined;
    item.next = undefined;
    this.#size -= 1;
  }

  /** Those that are there now; each may be taken out meanwhile. */
  all(): readonly Item[] {
    const items: Item[] = [];
    for (let item = this.#first; item !== undefined; item = item.next) items.push(item);
    return items;
  }
}
