import { ALBUM, type BenchClient } from "./albums.ts";
import { BenchError } from "./measure.ts";

/** Watches over one album. */
export interface Watchers {
  /** Resolves once every watcher has had `count` more events than when it was called. Rejects when a watch ends. */
  next(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens `count` watches over the album of that name, and waits until each has seen what there is. */
export async function openWatchers(
  client: (index: number) => BenchClient,
  { count, name }: { readonly count: number; readonly name: string },
): Promise<Watchers> {
  const stop = new AbortController();
  let received = 0;
  let waiting: { readonly target: number; readonly resolve: () => void } | undefined;
  const synced = Array.from({ length: count }, () => Promise.withResolvers<void>());

  const consume = async (index: number): Promise<never> => {
    let live = false;
    const watch = client(index).watchList({ type: ALBUM, name }, { signal: stop.signal, timeoutMs: 0 });
    for await (const { event } of watch) {
      if (event.case === "endOfSnapshot") {
        live = true;
        synced[index]?.resolve();
      } else if (live && event.case === "upsert") {
        received += 1;
        if (waiting !== undefined && received >= waiting.target) waiting.resolve();
      }
    }
    throw new BenchError("a watch ended");
  };
  const ended = Promise.all(Array.from({ length: count }, (_, index) => consume(index)));
  ended.catch(() => undefined);
  await Promise.race([Promise.all(synced.map(({ promise }) => promise)), ended]);
  return {
    next(events) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting = { target: received + events * count, resolve };
      return Promise.race([promise, ended]).then(() => undefined);
    },
    async close() {
      stop.abort();
      await ended.catch(() => undefined);
    },
  };
}
