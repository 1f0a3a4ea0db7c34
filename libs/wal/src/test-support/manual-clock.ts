import type { WalClock } from "../disk.ts";

/** A clock that moves only when told. */
export interface ManualClock extends WalClock {
  /** Moves on and calls what falls due, in order. */
  elapse(milliseconds: number): void;
  /** Timers that wait. */
  readonly waiting: number;
}

export function createManualClock(): ManualClock {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    monotonic: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    elapse(milliseconds) {
      nowMs += milliseconds;
      const due = [...timers].filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
      for (const timer of due) if (timers.delete(timer)) timer.callback();
    },
    get waiting() {
      return timers.size;
    },
  };
}
