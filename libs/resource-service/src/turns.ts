/**
 * Lets the writers of one key that met a conflict try again one after the other, first come, first served: without it they keep overtaking each
 * other, and the unlucky one waits longest. It is a courtesy within this process; what is right the commit decides. As many wait as there
 * are requests under way.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Waits until all who came before for this key are done; the result ends one's own turn. Rejects with the signal's reason, which gives the turn up. */
  async take(key: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#last.get(key);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const mine = (before ?? Promise.resolve()).then(() => ended);
    this.#last.set(key, mine);
    void mine.then(() => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    });
    try {
      if (before !== undefined) await unlessAborted(before, signal);
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  /** Keys for which somebody has a turn or waits for one. */
  get size(): number {
    return this.#last.size;
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}
