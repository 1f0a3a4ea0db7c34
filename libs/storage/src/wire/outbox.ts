/** Calls back in the next turn of the event loop: `setImmediate`. */
export type NextTurn = (callback: () => void) => void;

/** What an outbox works with. */
export interface OutboxOptions<T> {
  readonly nextTurn: NextTurn;
  /** Roughly how many bytes an item takes in a message. */
  readonly weigh: (item: T) => number;
  /** Bytes of one message; a single heavier item still goes, alone. */
  readonly batchBytes: number;
}

/**
 * What waits to go out on one stream. All that comes up in one turn of the event loop goes in one message, up to its bound, and no two messages
 * go in one turn: what is alone waits for the end of its turn, and for nothing else.
 */
export class Outbox<T> {
  readonly #options: OutboxOptions<T>;
  #items: T[] = [];
  #bytes = 0;
  #isTouched = false;
  #isClosed = false;
  #wake: (() => void) | undefined;
  readonly #drained: (() => void)[] = [];

  constructor(options: OutboxOptions<T>) {
    this.#options = options;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  add(item: T): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    this.#bytes += this.#options.weigh(item);
    this.#rouse();
  }

  /** Asks for a message even when no item waits. */
  touch(): void {
    this.#isTouched = true;
    this.#rouse();
  }

  /** Takes an item back that has not gone. False when it has. */
  remove(item: T): boolean {
    const position = this.#items.indexOf(item);
    if (position < 0) return false;
    this.#items.splice(position, 1);
    this.#bytes -= this.#options.weigh(item);
    return true;
  }

  /** The items of the next message, none for one that was asked for by `touch`; undefined once closed. */
  async next(): Promise<readonly T[] | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined;
      if (this.#items.length === 0 && !this.#isTouched) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      await new Promise<void>((resolve) => this.#options.nextTurn(resolve));
      // What waited may have been taken back meanwhile.
      if (!this.#isClosed && (this.#items.length > 0 || this.#isTouched)) return this.#take();
    }
  }

  /** Resolves once at most so many bytes wait, or the outbox is closed. */
  async drainedTo(bytes: number): Promise<void> {
    while (this.#bytes > bytes && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#drained.push(resolve);
      });
    }
  }

  /** Drops what waits. */
  close(): void {
    this.#isClosed = true;
    this.#items = [];
    this.#bytes = 0;
    this.#rouse();
    this.#tellDrained();
  }

  #take(): readonly T[] {
    const { weigh, batchBytes } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const item of this.#items) {
      const more = weigh(item);
      if (count > 0 && bytes + more > batchBytes) break;
      bytes += more;
      count++;
    }
    const taken = this.#items.splice(0, count);
    this.#bytes -= bytes;
    this.#isTouched = false;
    this.#tellDrained();
    return taken;
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #tellDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
