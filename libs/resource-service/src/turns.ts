/** One who has a turn, or waits for one. */
interface Ticket {
  readonly keys: readonly string[];
  /** Of how many of its keys others have the turn. */
  behind: number;
  readonly begin: () => void;
}

/**
 * Lets the writers of contended keys go one after the other, first come, first served: without it they keep overtaking each other, and who writes
 * many keys at once is overtaken most. One stands in line for all keys at the same moment, so that the lines agree on who came first: whoever
 * came first of all has its turn, and nobody waits in a circle. It is a courtesy within this process; what is right the commit decides.
 * As many wait as there are requests under way.
 */
export class Turns {
  /** Who has the turn of a key, then who waits for it. */
  readonly #lines = new Map<string, Ticket[]>();

  /** Whether somebody has a turn of one of the keys, or waits for one: who comes now stands in line behind. */
  contended(keys: Iterable<string>): boolean {
    for (const key of keys) if (this.#lines.has(key)) return true;
    return false;
  }

  /**
   * Waits until all who came before for any of the keys are done; the result ends one's own turn. Rejects with the signal's reason, which gives
   * the turn up.
   */
  async take(keys: Iterable<string>, signal: AbortSignal): Promise<() => void> {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const ticket: Ticket = { keys: [...new Set(keys)], behind: 0, begin };
    for (const key of ticket.keys) {
      const line = this.#lines.get(key);
      if (line === undefined) this.#lines.set(key, [ticket]);
      else if (line.push(ticket) > 1) ticket.behind += 1;
    }
    if (ticket.behind > 0) {
      try {
        await unlessAborted(begun, signal);
      } catch (error) {
        this.#leave(ticket);
        throw error;
      }
    }
    return () => this.#leave(ticket);
  }

  /** Keys for which somebody has a turn or waits for one. */
  get size(): number {
    return this.#lines.size;
  }

  #leave(ticket: Ticket): void {
    for (const key of ticket.keys) {
      const line = this.#lines.get(key);
      const place = line?.indexOf(ticket) ?? -1;
      if (line === undefined || place === -1) continue;
      line.splice(place, 1);
      const [first] = line;
      if (first === undefined) this.#lines.delete(key);
      else if (place === 0 && --first.behind === 0) first.begin();
    }
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
