/** A power of two, as all sizes are: where an item lies is then said by the last bits of its position, also of one beyond 32 bits. */
const FIRST_SIZE = 16;

/** What a ring keeps its items in. */
interface Items<T> {
  readonly length: number;
  [at: number]: T;
}

/** A first-in first-out line in one array, indexed by position since the beginning of time: what {@link History} keeps its commits in. */
export class Ring<T> {
  readonly #make: (size: number) => Items<T>;
  /** What stands where nothing is. */
  readonly #none: T;
  #items: Items<T>;
  #first = 0;
  #next = 0;

  constructor(make: (size: number) => Items<T>, none: T) {
    this.#make = make;
    this.#none = none;
    this.#items = make(FIRST_SIZE);
  }

  /** The position of the oldest item; equals `next` when there is none. */
  get first(): number {
    return this.#first;
  }

  /** The position that the next item will get. */
  get next(): number {
    return this.#next;
  }

  get length(): number {
    return this.#next - this.#first;
  }

  /** The item at a position, from `first` to before `next`. Throws a RangeError elsewhere. */
  at(position: number): T {
    if (position < this.#first || position >= this.#next) {
      throw new RangeError(`positions ${this.#first} to before ${this.#next} are kept, found ${position}`);
    }
    return this.#items[position & (this.#items.length - 1)] as T;
  }

  /** Adds an item at the end. The caller keeps the length bounded with {@link shift}. */
  push(item: T): void {
    if (this.length === this.#items.length) this.#resize(this.#items.length * 2);
    this.#items[this.#next & (this.#items.length - 1)] = item;
    this.#next++;
  }

  /** Takes the oldest item, which must exist. */
  shift(): T {
    const item = this.at(this.#first);
    this.#items[this.#first & (this.#items.length - 1)] = this.#none;
    this.#first++;
    return item;
  }

  #resize(size: number): void {
    const items = this.#make(size);
    for (let position = this.#first; position < this.#next; position++)
      items[position & (size - 1)] = this.at(position);
    this.#items = items;
  }
}

/** A ring of objects, or of places without one. */
export function ringOf<T>(): Ring<T | undefined> {
  return new Ring<T | undefined>((length) => Array.from({ length }), undefined);
}

/** A ring of numbers: 8 bytes each, whatever they are. */
export function ringOfNumbers(): Ring<number> {
  return new Ring<number>((length) => new Float64Array(length), 0);
}
