/** What has arrived on one stream and waits for its one reader. */
export class Inbox<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #onTaken: () => void;
  readonly #onLeft: () => void;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor({
    onTaken = () => undefined,
    onLeft = () => undefined,
  }: {
    /** Told of every item that its reader has taken. */
    readonly onTaken?: () => void;
    /** Told when its reader leaves before the end. */
    readonly onLeft?: () => void;
  } = {}) {
    this.#onTaken = onTaken;
    this.#onLeft = onLeft;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    this.#items.push(item);
    this.#rouse();
  }

  /** Nothing more comes. With an error it is over at once, without one after what waits. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (error !== undefined) this.#items.length = 0;
    this.#rouse();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.#items.length > 0) {
        const value = this.#items.shift() as T;
        this.#onTaken();
        return { done: false, value };
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.next(),
      return: async () => {
        if (this.#end === undefined) this.#onLeft();
        this.end();
        return { done: true, value: undefined };
      },
    };
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
