/** Time as a parameter, so that everything runs on virtual time in tests and in the simulator. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. */
  now(): number;
  /** Monotonic time in milliseconds, for durations. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the result cancels it. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The longest delay that a timer of the platform takes (2^31 - 1 ms, about 24.8 days). */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Randomness as a parameter: uniform in [0, 1). */
export type Random = () => number;
