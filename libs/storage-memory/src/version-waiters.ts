import { StorageError, type Version } from "@trellis/storage";

interface Waiter {
  readonly version: Version;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

/** The calls that wait until the store reaches a version, a bounded number. */
export class VersionWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #limit: number;
  #least = Number.POSITIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Waits until `reached` was called with a version or a later one. Throws `version-not-reached` when the signal ends the wait,
   * `resource-exhausted` beyond the bound.
   */
  async wait(version: Version, signal: AbortSignal | undefined, now: Version): Promise<void> {
    const notReached = () =>
      new StorageError(
        "version-not-reached",
        `expected version ${version} in time, the store was at ${now} when asked; try again`,
      );
    if (signal?.aborted === true) throw notReached();
    if (this.#waiters.size >= this.#limit) {
      throw new StorageError(
        "resource-exhausted",
        `at most ${this.#limit} calls wait for a version at once; try again`,
      );
    }
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter: Waiter = { version, resolve, reject };
        this.#waiters.add(waiter);
        this.#least = Math.min(this.#least, version);
        onAbort = () => {
          this.#waiters.delete(waiter);
          reject(notReached());
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Lets those go on who waited for a version up to this one. */
  reached(version: Version): void {
    if (version < this.#least) return;
    this.#least = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      if (waiter.version <= version) {
        this.#waiters.delete(waiter);
        waiter.resolve();
      } else this.#least = Math.min(this.#least, waiter.version);
    }
  }

  /** Ends every wait with an error. */
  failAll(error: StorageError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
    this.#least = Number.POSITIVE_INFINITY;
  }
}
