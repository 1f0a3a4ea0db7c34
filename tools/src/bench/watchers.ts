import { CallFailure } from "./raw/call-failure.ts";
import type { StoreCalls, Watch } from "./store-calls.ts";

/** RESOURCE_EXHAUSTED: a system takes no more watches. */
const NO_MORE = "grpc-status 8";
/** A gateway passes on some thousands of calls at once and refuses more: who opens many watches opens them by and by. */
const OPENED_AT_ONCE = 1_000;

/** Many watches of one resource. */
export interface Watchers {
  /** How many there are. */
  readonly count: number;
  /** Counts a change that is begun now; resolves once so many events have come as all changes so far have to give. Rejects when a watch ends. */
  next(): Promise<void>;
  close(): void;
}

/** Opens `count` watches, and waits until each will tell every later change. Rejects when one ends before, unless it is refused and `mayRefuse`. */
export async function openWatchers(
  calls: Pick<StoreCalls, "watch">,
  {
    count,
    item,
    mayRefuse = false,
  }: { readonly count: number; readonly item: number; readonly mayRefuse?: boolean },
): Promise<Watchers> {
  let expected = 0;
  let received = 0;
  /** In the order of their targets. */
  const waiting: (PromiseWithResolvers<void> & { readonly target: number })[] = [];
  const onEvents = (events: number): void => {
    received += events;
    while (waiting[0] !== undefined && waiting[0].target <= received) waiting.shift()?.resolve();
  };
  const opened = await openInTurns(count, (client) => calls.watch(client, item, onEvents), mayRefuse);
  const watches = opened.filter((watch) => watch !== undefined);
  let failure: unknown;
  Promise.race(watches.map((watch) => watch.ended)).catch((error: unknown) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    count: watches.length,
    next() {
      expected += watches.length;
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

/**
 * Opens the watches 0 to `count` - 1, so many at a time, and waits until each is live. Rejects when one ends before, unless it is refused and `mayRefuse`: there is none in its
 * place then.
 */
export async function openInTurns(
  count: number,
  open: (number: number) => Watch,
  mayRefuse: boolean,
): Promise<readonly (Watch | undefined)[]> {
  const opened: (Watch | undefined)[] = [];
  while (opened.length < count) {
    const from = opened.length;
    const turn = Array.from({ length: Math.min(OPENED_AT_ONCE, count - from) }, (_, at) => open(from + at));
    opened.push(...(await Promise.all(turn.map((watch) => whenLive(watch, mayRefuse)))));
  }
  return opened;
}

async function whenLive(watch: Watch, mayRefuse: boolean): Promise<Watch | undefined> {
  try {
    await Promise.race([watch.live, watch.ended]);
    return watch;
  } catch (error) {
    if (mayRefuse && error instanceof CallFailure && error.code === NO_MORE) return undefined;
    throw error;
  }
}
