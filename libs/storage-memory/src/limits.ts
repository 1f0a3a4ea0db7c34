/** What a store may hold beyond its present state. Every bound has a default in {@link DEFAULT_LIMITS}. */
export interface StoreLimits {
  /** Commits that the history keeps. */
  readonly historyCommits: number;
  /** Bytes that the history's records may have, replaced ones included. The newest commit is always kept. */
  readonly historyBytes: number;
  /** How long the history keeps a commit, in milliseconds. */
  readonly historyAgeMs: number;
  /** Pinned copies of older versions. */
  readonly copies: number;
  /** How long a pinned copy that nobody reads is kept, in milliseconds. */
  readonly copyAgeMs: number;
  /** Bytes that the pinned copies together may hold that the present state does not. */
  readonly copyBytes: number;
  /** Calls that may wait at once for a version that the store has not reached. */
  readonly waiters: number;
  /** Open watches. */
  readonly watches: number;
}

/** The bounds of a store that names none: what API §2 promises, and some room. */
export const DEFAULT_LIMITS: StoreLimits = {
  historyCommits: 100_000,
  historyBytes: 256 * 1024 * 1024,
  historyAgeMs: 5 * 60_000,
  copies: 32,
  copyAgeMs: 60_000,
  copyBytes: 256 * 1024 * 1024,
  waiters: 10_000,
  watches: 16_384,
};

/** Fills in the defaults. Throws a RangeError for a bound that is not a positive whole number. */
export function storeLimits(given: Partial<StoreLimits> = {}): StoreLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`the limit ${name} is a whole number from 1, found ${value}`);
    }
  }
  return limits;
}
