import type { Clock } from "@trellis/resource";

/** Delays of the event loop, in nanoseconds: what `monitorEventLoopDelay` of `node:perf_hooks` gives. */
export interface DelayHistogram {
  readonly max: number;
  reset(): void;
}

/** How long a delay is told at least, and twice as long at most. */
const WINDOW_MS = 5_000;
const NANOSECONDS = 1e6;

/** The worst delay of late, and the end of looking for it. */
export interface LoopDelay {
  /** In milliseconds. */
  now(): number;
  stop(): void;
}

/**
 * Keeps the worst delay of the last seconds. `resolutionMs` is how often the histogram looks: it counts this pause as well, which is no delay.
 */
export function recentLoopDelay(
  { histogram, clock }: { readonly histogram: DelayHistogram; readonly clock: Clock },
  resolutionMs: number,
): LoopDelay {
  let before = 0;
  const worst = (): number => Math.max(0, histogram.max / NANOSECONDS - resolutionMs);
  const turn = (): void => {
    before = worst();
    histogram.reset();
    cancel = clock.after(WINDOW_MS, turn);
  };
  let cancel = clock.after(WINDOW_MS, turn);
  return { now: () => Math.max(before, worst()), stop: () => cancel() };
}
