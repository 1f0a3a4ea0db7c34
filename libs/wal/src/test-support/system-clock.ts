import type { WalClock } from "../disk.ts";

/** The process's own time, for tests with real disks and for measurements. */
export const systemClock: WalClock = {
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
