import type { Clock } from "@trellis/resource";
import type { CallSignal } from "@trellis/storage";

import type { ClusterView } from "./cluster-view.ts";

/** Resolves when the view changes such that `isDue`, when it is stopped, when the time is up, or with the signal. Without a time, only for the others. */
export function waitForChange(
  { view, clock }: { readonly view: ClusterView; readonly clock: Clock },
  {
    signal,
    isDue,
    atMostMs,
  }: {
    readonly signal: CallSignal;
    readonly isDue: () => boolean;
    readonly atMostMs?: number | undefined;
  },
): Promise<void> {
  if (signal.aborted || view.isStopped || isDue()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      stopListening();
      cancel?.();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const stopListening = view.onChange(() => {
      if (view.isStopped || isDue()) end();
    });
    const cancel = atMostMs === undefined ? undefined : clock.after(atMostMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
