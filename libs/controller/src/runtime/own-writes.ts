import type { Clock } from "@trellis/resource";

import type { Informer } from "./informer.ts";
import type { OwnWrite } from "./recording-client.ts";

/** How long a name is held for the cache to show its own writes. Then it is let go: the watch may be broken, and work goes on. */
const MAX_HOLD_MS = 5_000;

/** Resolves once the caches show what a reconcile wrote, so that its next run does not act on what it changed itself. */
export async function cachesShow(
  writes: readonly OwnWrite[],
  informers: ReadonlyMap<string, Informer>,
  clock: Clock,
): Promise<void> {
  await Promise.all(
    writes.map(async (write) => {
      const informer = informers.get(write.type.gvk);
      if (informer !== undefined && !isShown(write, informer)) await untilShown(write, informer, clock);
    }),
  );
}

function untilShown(write: OwnWrite, informer: Informer, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      unsubscribe();
      cancel();
      resolve();
    };
    const unsubscribe = informer.subscribe(({ key }) => {
      if (key === write.key && (write.version === undefined || isShown(write, informer))) end();
    });
    const cancel = clock.after(MAX_HOLD_MS, end);
  });
}

/** Whether a cache shows the write, or something later. A deletion shows when the name is gone. */
function isShown({ key, version }: OwnWrite, { cache }: Informer): boolean {
  const cached = cache.get(key);
  if (version === undefined) return cached === undefined;
  return cached !== undefined && !isOlder(cached.version, version);
}

function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
