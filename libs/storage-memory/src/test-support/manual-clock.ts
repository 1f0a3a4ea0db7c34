import type { Clock } from "@trellis/resource";

/** A clock for this package's tests that moves only when told. */
export interface ManualClock extends Clock {
  /** Moves on and calls what falls due, in order; then lets the event loop turn. */
  elapse(milliseconds: number): Promise<void>;
}

/** The wall-clock time at which manual clocks begin. */
export const START_MS = 1_750_000_000_000;

/** Makes a clock that stands still. */
export function createManualClock(): ManualClock {
  let elapsedMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    now: () => START_MS + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { atMs: elapsedMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async elapse(milliseconds) {
      const endMs = elapsedMs + milliseconds;
      for (;;) {
        const [due] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (due === undefined) break;
        timers.delete(due);
        elapsedMs = Math.max(elapsedMs, due.atMs);
        due.callback();
      }
      elapsedMs = endMs;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

/** A random that always gives the same. */
export const fixedRandom = () => 0.5;
