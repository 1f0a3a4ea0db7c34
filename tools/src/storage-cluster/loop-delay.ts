const SAMPLE_MS = 2;

/** Samples how long the event loop keeps a timer waiting. */
export class LoopDelay {
  #dueMs = 0;
  #longestMs = 0;

  constructor() {
    this.#arm();
  }

  /** The longest delay since it was asked last, in milliseconds. */
  takeLongestMs(): number {
    this.#sample();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  #arm(): void {
    this.#dueMs = performance.now() + SAMPLE_MS;
    setTimeout(() => {
      this.#sample();
      this.#arm();
    }, SAMPLE_MS);
  }

  #sample(): void {
    this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#dueMs);
  }
}
