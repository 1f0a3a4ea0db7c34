/** What one kill did to those who were writing. */
export interface KillFigures {
  /** The process that led. */
  readonly leader: string;
  /** From the kill to the first success of a write that was submitted after it. */
  readonly firstSuccessMs: number;
  /** The longest that a write took which was under way at the kill, or was submitted before the first success. */
  readonly longestStallMs: number;
}

/** How long writes take around kills. */
export class Meter {
  readonly #now: () => number;
  /** Begins of writes that are under way. */
  readonly #begins = new Set<{ readonly atMs: number }>();
  #killedMs = Number.POSITIVE_INFINITY;
  #longestMs = 0;
  #longestBeganMs = 0;
  #onSuccess: (atMs: number) => void = () => undefined;

  /** `now` is in monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Begins a write; the answer is called when it has succeeded or failed. */
  begin(): (hasSucceeded: boolean) => void {
    const begin = { atMs: this.#now() };
    this.#begins.add(begin);
    return (hasSucceeded) => {
      this.#begins.delete(begin);
      const nowMs = this.#now();
      if (nowMs - begin.atMs > this.#longestMs) {
        this.#longestMs = nowMs - begin.atMs;
        this.#longestBeganMs = begin.atMs;
      }
      if (hasSucceeded && begin.atMs >= this.#killedMs) this.#onSuccess(nowMs);
    };
  }

  /** Notes that the leader is killed now; resolves with the time until the first success of a write that is submitted from now on. */
  kill(): Promise<number> {
    const killedMs = this.#now();
    this.#killedMs = killedMs;
    this.#longestMs = 0;
    return new Promise((resolve) => {
      this.#onSuccess = (atMs) => {
        this.#onSuccess = () => undefined;
        resolve(atMs - killedMs);
      };
    });
  }

  /** When the longest of those that are over began, after the kill; before it when negative. */
  longestBeganAfterMs(): number {
    return this.#longestBeganMs - this.#killedMs;
  }

  /** The longest that a write has taken since the kill, one that is still under way included. */
  longestStallMs(): number {
    const nowMs = this.#now();
    return [...this.#begins].reduce((longest, { atMs }) => Math.max(longest, nowMs - atMs), this.#longestMs);
  }
}
