import type { Clock } from "@trellis/resource";

/** The time of one item, which runs. */
export interface Timing<Item> {
  /** Undefined once the time is over: a map that changes all the time keeps in its old tables, until the next major collection, what was in it. */
  item: Item | undefined;
}

/**
 * Timeouts that all take as long: they end in the order in which they began, so that one timer, for the oldest, does for any number of them. Most are over
 * long before they end, and cost two changes of a map.
 */
export class EqualTimeouts<Item> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onTimeout: (item: Item) => void;
  /** When each ends, the oldest first. */
  readonly #ends = new Map<Timing<Item>, number>();
  #isArmed = false;

  constructor(clock: Clock, ms: number, onTimeout: (item: Item) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onTimeout = onTimeout;
  }

  /** Begins the time of an item. */
  begin(item: Item): Timing<Item> {
    const timing: Timing<Item> = { item };
    this.#ends.set(timing, this.#clock.monotonic() + this.#ms);
    if (!this.#isArmed) this.#arm(this.#ms);
    return timing;
  }

  /** Ends it without a word. */
  end(timing: Timing<Item> | undefined): void {
    if (timing === undefined) return;
    timing.item = undefined;
    this.#ends.delete(timing);
  }

  /** Items whose time runs. */
  size(): number {
    return this.#ends.size;
  }

  #arm(ms: number): void {
    this.#isArmed = true;
    this.#clock.after(ms, () => {
      this.#isArmed = false;
      this.#expire();
    });
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [timing, end] of this.#ends) {
      if (end > now) {
        this.#arm(end - now);
        return;
      }
      const { item } = timing;
      this.end(timing);
      if (item !== undefined) this.#onTimeout(item);
    }
  }
}
