/**
 * Wakes those who wait for the store to move. However many commits arrive in one turn of the event loop, each waiter is woken once, after them:
 * that is what makes a thousand watchers of a busy store cheap.
 */
export class Arrivals {
  #waiting = new Set<() => void>();
  #scheduled = false;

  /** Says that the store has moved, or closed. */
  announce(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const woken = this.#waiting;
      this.#waiting = new Set();
      for (const wake of woken) wake();
    });
  }

  /** Calls back once at the next arrival; the result cancels it. */
  once(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
