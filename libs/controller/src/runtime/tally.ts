import type { Clock } from "@trellis/resource";

import { errorText } from "./named-log.ts";

/** Counts what a controller does, and knows what it is doing since when. */
export class ReconcileTally {
  readonly #clock: Clock;
  readonly #startedMs = new Map<string, number>();
  #reconciles = 0;
  #failures = 0;
  #lastError: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes the start of a run; the result, called, notes its end. */
  begin(key: string): () => void {
    this.#reconciles += 1;
    this.#startedMs.set(key, this.#clock.monotonic());
    return () => this.#startedMs.delete(key);
  }

  /** Notes a failure, of a reconcile or a mapper. */
  failed(error: unknown): void {
    this.#failures += 1;
    this.#lastError = errorText(error);
  }

  /** What was counted so far. */
  figures() {
    const nowMs = this.#clock.monotonic();
    const longestMs = Math.max(0, ...[...this.#startedMs.values()].map((startedMs) => nowMs - startedMs));
    return {
      reconciles: this.#reconciles,
      failures: this.#failures,
      lastError: this.#lastError,
      /** How long the oldest run under way has taken, in milliseconds: a hung one shows here. */
      longestRunMs: longestMs,
    };
  }
}
