import type { Clock } from "@trellis/resource";

/** What waking one reader costs at least, in milliseconds: its event has to be written to a connection. */
const WAKE_MS = 0.005;
/** A shorter rest is not worth a timer. */
const MIN_REST_MS = 1;
const MAX_REST_MS = 20;

/**
 * How often many readers of one thing are woken. Waking a thousand costs as much for one event as for ten, so after such a number there is a rest of about the time that
 * waking them took: what happens meanwhile reaches them together. A few are never kept waiting.
 */
export class WakePace {
  readonly #clock: Clock;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that so many were woken. */
  woke(count: number): void {
    const restMs = Math.min(count * WAKE_MS, MAX_REST_MS);
    if (restMs >= MIN_REST_MS) this.#restsUntilMs = this.#clock.monotonic() + restMs;
  }

  /** How long to wait before the next waking, in milliseconds; 0 when it may be at once. */
  restMs(): number {
    if (this.#restsUntilMs === Number.NEGATIVE_INFINITY) return 0;
    return Math.max(0, this.#restsUntilMs - this.#clock.monotonic());
  }
}
