import type { Clock } from "@trellis/resource";

import type { Arrivals } from "./arrivals.ts";

/** Why a wait ended. */
export type WaitEnd = "arrival" | "time" | "aborted";

/** Waits until the store moves, a time is up, or a signal ends it; whichever is first. */
export function waitForArrival(
  arrivals: Arrivals,
  clock: Clock,
  options: {
    readonly timeoutMs?: number | undefined;
    readonly signals: readonly (AbortSignal | undefined)[];
  },
): Promise<WaitEnd> {
  const signals = options.signals.filter((signal) => signal !== undefined);
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve("aborted");
  return new Promise((resolve) => {
    const end = (why: WaitEnd): void => {
      cancelArrival();
      cancelTimer?.();
      for (const signal of signals) signal.removeEventListener("abort", aborted);
      resolve(why);
    };
    const aborted = (): void => end("aborted");
    const cancelArrival = arrivals.once(() => end("arrival"));
    const cancelTimer =
      options.timeoutMs === undefined ? undefined : clock.after(options.timeoutMs, () => end("time"));
    for (const signal of signals) signal.addEventListener("abort", aborted, { once: true });
  });
}
