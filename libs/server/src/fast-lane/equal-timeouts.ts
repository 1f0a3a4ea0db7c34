import type { Clock } from "@trellis/resource";

/**
 * Timeouts that all take as long: they end in the order in which they began, so that one timer, for the oldest, does for any number of them. Most are over
 * long before they end, and cost two changes of a map.
 */
export class EqualTimeouts<Item> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onTimeout: (item: Item) => void;
  /** When each ends, the oldest first. */
  readonly #ends = new Map<Item, number>();
  #isArmed = false;

  constructor(clock: Clock, ms: number, onTimeout: (item: Item) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onTimeout = onTimeout;
  }

  /** Begins the time of an item that has none. */
  begin(item: Item): void {
    this.#ends.set(item, this.#clock.monotonic() + this.#ms);
    if (!this.#isArmed) this.#arm(this.#ms);
  }

  /** Ends it without a word. */
  end(item: Item): void {
    this.#ends.delete(item);
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
    for (const [item, end] of this.#ends) {
      if (end > now) {
        this.#arm(end - now);
        return;
      }
      this.#ends.delete(item);
      this.#onTimeout(item);
    }
  }
}
