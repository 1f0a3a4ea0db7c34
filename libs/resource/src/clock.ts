/** Time as a parameter, so that everything runs on virtual time in tests and in the simulator. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. */
  now(): number;
  /** Monotonic time in milliseconds, for durations. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the result cancels it. Keeps the process alive only when asked to: for what somebody waits for. */
  after(delayMs: number, callback: () => void, options?: { readonly keepAlive?: boolean }): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback, { keepAlive = false } = {}) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The longest delay that a timer of the platform takes (2^31 - 1 ms, about 24.8 days). */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Randomness as a parameter: uniform in [0, 1). */
export type Random = () => number;
