import type { Clock } from "@trellis/resource";

/** So many starts a second in the long run, and so many at once after a pause. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket on a monotonic clock. It begins full. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  #tokens: number;
  #countedMs: number;

  /** Throws TypeError for a limit under which nothing could ever start. */
  constructor(limit: RateLimit, clock: Clock) {
    if (!(limit.perSecond > 0 && limit.burst >= 1)) {
      throw new TypeError(
        `a rate limit needs perSecond above 0 and a burst of at least 1, found ${limit.perSecond} and ${limit.burst}`,
      );
    }
    this.#limit = limit;
    this.#clock = clock;
    this.#tokens = limit.burst;
    this.#countedMs = clock.monotonic();
  }

  /** Takes a token and answers 0; or takes none and answers the milliseconds until the next is there. */
  tryTake(): number {
    const { perSecond, burst } = this.#limit;
    const nowMs = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#countedMs) * perSecond) / 1_000);
    this.#countedMs = nowMs;
    // What is missing to a whole one by rounding alone is no reason to wait once more.
    if (this.#tokens >= 1 - ROUNDING) {
      this.#tokens = Math.max(0, this.#tokens - 1);
      return 0;
    }
    return ((1 - this.#tokens) * 1_000) / perSecond;
  }
}

/** Tokens that additions of fractions may lose. */
const ROUNDING = 1e-9;
