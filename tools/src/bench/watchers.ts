import type { StoreCalls } from "./store-calls.ts";

/** Many watches of one resource. */
export interface Watchers {
  /** Counts a change that is begun now; resolves once so many events have come as all changes so far have to give. Rejects when a watch ends. */
  next(): Promise<void>;
  close(): void;
}

/** Opens `count` watches, and waits until each will tell every later change. */
export async function openWatchers(
  calls: StoreCalls,
  { count, item }: { readonly count: number; readonly item: number },
): Promise<Watchers> {
  let expected = 0;
  let received = 0;
  /** In the order of their targets. */
  const waiting: (PromiseWithResolvers<void> & { readonly target: number })[] = [];
  const onEvents = (events: number): void => {
    received += events;
    while (waiting[0] !== undefined && waiting[0].target <= received) waiting.shift()?.resolve();
  };
  const watches = Array.from({ length: count }, (_, client) => calls.watch(client, item, onEvents));
  const ended = Promise.race(watches.map((watch) => watch.ended));
  let failure: unknown;
  ended.catch((error: unknown) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  await Promise.race([Promise.all(watches.map(({ live }) => live)), ended]);
  return {
    next() {
      expected += count;
      const delivered = Promise.withResolvers<void>();
      if (failure === undefined) waiting.push({ ...delivered, target: expected });
      else delivered.reject(failure);
      return delivered.promise;
    },
    close() {
      for (const watch of watches) watch.close();
    },
  };
}
