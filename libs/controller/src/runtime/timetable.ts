import type { Clock } from "@trellis/resource";

/** A name that is due at some time, and what for. */
interface Entry<Value> {
  readonly name: string;
  readonly value: Value;
  readonly atMs: number;
  /** Among those of one moment, in the order in which they came. */
  readonly order: number;
  /** Its place in the heap. */
  place: number;
}

/**
 * Names and the time at which each is due, at most one each. One timer of the clock serves all of them, and changing one takes logarithmic time: there may be as many
 * names as a cache has resources.
 */
export class Timetable<Value> {
  readonly #clock: Clock;
  readonly #onDue: (name: string, value: Value) => void;
  readonly #entries = new Map<string, Entry<Value>>();
  /** A binary heap: no entry is due before the one at half its place. */
  readonly #heap: Entry<Value>[] = [];
  #order = 0;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  /** `onDue` is called for each name when its time has come; its entry is gone by then. */
  constructor(clock: Clock, onDue: (name: string, value: Value) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** What a name is due for; undefined when it is not. */
  get(name: string): Value | undefined {
    return this.#entries.get(name)?.value;
  }

  /** Sets when a name is due, whatever it was before. */
  set(name: string, delayMs: number, value: Value): void {
    this.#remove(name);
    const entry = { name, value, atMs: this.#clock.monotonic() + delayMs, order: this.#order++, place: 0 };
    this.#entries.set(name, entry);
    this.#heap.push(entry);
    this.#lift(entry, this.#heap.length - 1);
    this.#setTimer();
  }

  delete(name: string): void {
    this.#remove(name);
    this.#setTimer();
  }

  clear(): void {
    this.#entries.clear();
    this.#heap.length = 0;
    this.#setTimer();
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#lift(last, entry.place);
    this.#sink(last, last.place);
  }

  /** Puts an entry at a place, or as far above it as it belongs. */
  #lift(entry: Entry<Value>, from: number): void {
    let place = from;
    while (place > 0) {
      const above = this.#heap[(place - 1) >>> 1];
      if (above === undefined || !isBefore(entry, above)) break;
      this.#put(above, place);
      place = (place - 1) >>> 1;
    }
    this.#put(entry, place);
  }

  /** Puts an entry at a place, or as far below it as it belongs. */
  #sink(entry: Entry<Value>, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const below = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (below === undefined || !isBefore(below, entry)) break;
      const next = below.place;
      this.#put(below, place);
      place = next;
    }
    this.#put(entry, place);
  }

  #put(entry: Entry<Value>, place: number): void {
    this.#heap[place] = entry;
    entry.place = place;
  }

  /** Has the clock call when the first is due, and not at all when there is none. */
  #setTimer(): void {
    const first = this.#heap[0];
    if (first?.atMs === this.#timer?.atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (first === undefined) return;
    const { atMs } = first;
    const cancel = this.#clock.after(Math.max(0, atMs - this.#clock.monotonic()), () => this.#due());
    this.#timer = { atMs, cancel };
  }

  #due(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.#remove(first.name);
      this.#onDue(first.name, first.value);
    }
    this.#setTimer();
  }
}

function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
