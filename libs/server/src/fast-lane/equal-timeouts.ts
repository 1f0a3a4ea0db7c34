import { type Clock, Linked, LinkedItems } from "@trellis/resource";

/** The time of one item, which runs. */
export class Timing<Item> extends Linked {
  readonly item: Item;
  readonly endsMs: number;

  constructor(item: Item, endsMs: number) {
    super();
    this.item = item;
    this.endsMs = endsMs;
  }
}

/**
 * Timeouts that all take as long: they end in the order in which they began, so that one timer, for the oldest, does for any number of them. Most are over
 * long before they end, and cost two changes of a list.
 */
export class EqualTimeouts<Item> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onTimeout: (item: Item) => void;
  /** The oldest first. */
  readonly #running = new LinkedItems<Timing<Item>>();
  #isArmed = false;

  constructor(clock: Clock, ms: number, onTimeout: (item: Item) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onTimeout = onTimeout;
  }

  /** Begins the time of an item. */
  begin(item: Item): Timing<Item> {
    const timing = new Timing(item, this.#clock.monotonic() + this.#ms);
    this.#running.add(timing);
    if (!this.#isArmed) this.#arm(this.#ms);
    return timing;
  }

  /** Ends it without a word. */
  end(timing: Timing<Item> | undefined): void {
    if (timing !== undefined) this.#running.remove(timing);
  }

  /** Items whose time runs. */
  size(): number {
    return this.#running.size;
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
    for (let oldest = this.#running.first; oldest !== undefined; oldest = this.#running.first) {
      if (oldest.endsMs > now) {
        this.#arm(oldest.endsMs - now);
        return;
      }
      this.end(oldest);
      this.#onTimeout(oldest.item);
    }
  }
}
