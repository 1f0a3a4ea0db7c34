import type { Clock } from "@trellis/resource";
import type { StorageLink } from "@trellis/storage/wire";

import type { ClusterView, Reached } from "../servers/cluster-view.ts";

/** When an attempt without an answer is slow, and whether it is then given up. */
export interface SlowAttempts {
  readonly clock: Pick<Clock, "after">;
  readonly afterMs: number;
  readonly isGivenUp: () => boolean;
}

/** Makes one call on one link; it is given up when its caller's signal ends it, once the view says that another is to be asked, or when it is slow. */
export async function attempt<T>(
  view: ClusterView,
  reached: Reached,
  {
    run,
    signal,
    isOvertaken,
    slow,
  }: {
    readonly run: (link: StorageLink, signal: AbortSignal) => Promise<T>;
    readonly signal: AbortSignal;
    readonly isOvertaken: () => boolean;
    readonly slow?: SlowAttempts | undefined;
  },
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const stopListening = view.onChange(() => {
    if (isOvertaken()) abort();
  });
  const cancelSlow = slow?.clock.after(slow.afterMs, () => {
    if (slow.isGivenUp()) abort();
  });
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await run(reached.link, controller.signal);
  } finally {
    stopListening();
    cancelSlow?.();
    signal.removeEventListener("abort", abort);
  }
}
