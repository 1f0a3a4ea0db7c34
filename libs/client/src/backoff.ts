import type { Clock, Random } from "@trellis/resource";

/** How the waits between tries grow. */
export interface BackoffLimits {
  /** The bound of the first wait, in milliseconds; it doubles. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The wait before a try: between half of the bound and all of it, so that many clients do not come back at once. */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const bound = Math.min(limits.longestMs, limits.firstMs * 2 ** Math.min(failures - 1, 30));
  return bound * (0.5 + random() / 2);
}

/** Waits; resolves false when the signal ended the wait. Between two tries nothing else may be open, so the wait itself keeps the process alive. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const aborted = (): void => {
      cancel();
      resolve(false);
    };
    const elapsed = (): void => {
      signal?.removeEventListener("abort", aborted);
      resolve(true);
    };
    const cancel = clock.after(delayMs, elapsed, { keepAlive: true });
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
