import type { StorageLink } from "@trellis/storage/wire";

import type { ClusterView, Reached } from "../servers/cluster-view.ts";

/** Makes one call on one link; it is given up when its caller's signal ends it, or once the view says that another is to be asked. */
export async function attempt<T>(
  view: ClusterView,
  reached: Reached,
  {
    run,
    signal,
    isOvertaken,
  }: {
    readonly run: (link: StorageLink, signal: AbortSignal) => Promise<T>;
    readonly signal: AbortSignal;
    readonly isOvertaken: () => boolean;
  },
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const stopListening = view.onChange(() => {
    if (isOvertaken()) abort();
  });
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await run(reached.link, controller.signal);
  } finally {
    stopListening();
    signal.removeEventListener("abort", abort);
  }
}
