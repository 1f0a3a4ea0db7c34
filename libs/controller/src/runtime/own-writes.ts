import { type Clock, defaultTenancy, isMarkedForDeletion } from "@trellis/resource";

import { type Informer, isOlder } from "./informer.ts";
import { keyOf } from "./request-key.ts";

/** One write of a reconcile. */
export interface OwnWrite {
  /** `group.version.Kind`. */
  readonly type: string;
  /** The store version at which it shows, decimal. */
  readonly version: string;
  /** Of a resource that was marked for deletion: its name. It may have been marked before, and then no version brings news of it. */
  readonly marked?:
    | {
        readonly name: string;
        readonly partition?: string | undefined;
        readonly namespace?: string | undefined;
      }
    | undefined;
}

/** How long a name is held for the cache to show its own writes. Then it is let go: the watch may be broken, and work goes on. */
export const MAX_HOLD_MS = 5_000;

/** Resolves once the caches show what a reconcile wrote, so that its next run does not act on what it changed itself. */
export async function cachesShow(
  writes: readonly OwnWrite[],
  informers: ReadonlyMap<string, Informer>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  await Promise.all(
    writes.map(async (write) => {
      const informer = informers.get(write.type);
      if (informer === undefined || isShown(write, informer) || signal.aborted) return;
      await untilShown(write, informer, { clock, signal });
    }),
  );
}

function untilShown(
  write: OwnWrite,
  informer: Informer,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stopLooking();
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const stopLooking = informer.onVersion(() => {
      if (isShown(write, informer)) end();
    });
    const cancel = clock.after(MAX_HOLD_MS, end);
    signal.addEventListener("abort", end, { once: true });
    // The watch need not tell of what was written: it may not be among what it selects.
    if (informer.isSelective) informer.refresh();
  });
}

function isShown({ version, marked }: OwnWrite, { version: shown, cache }: Informer): boolean {
  if (shown !== undefined && !isOlder(shown, version)) return true;
  if (marked === undefined) return false;
  // What leaves a unit out means the caller's default one.
  const units = defaultTenancy(cache.type.scope);
  const { name, partition, namespace } = marked;
  const key = keyOf({
    partition: partition || units.partition,
    namespace: namespace || units.namespace,
    name,
  });
  const metadata = cache.get(key)?.metadata;
  return metadata !== undefined && isMarkedForDeletion(metadata);
}
