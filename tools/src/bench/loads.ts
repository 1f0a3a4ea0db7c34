import { BenchError } from "./bench-error.ts";
import type { Dataset } from "./dataset.ts";
import type { Load } from "./measure.ts";
import type { StoreCalls } from "./store-calls.ts";
import { openWatchers } from "./watchers.ts";

/** What a load works with. */
export interface LoadDeps {
  readonly calls: StoreCalls;
  readonly data: Dataset;
  /** Clients of the scenario. */
  readonly clients: number;
}

/** A load that is ready, and how to put away what it opened. */
export interface ReadyLoad extends Load {
  readonly close?: () => void;
}

/** Makes a load ready. */
export type OpenLoad = (deps: LoadDeps) => Promise<ReadyLoad>;

/** Resources of one batch, of one list. */
const BATCH = 100;
const LISTED = 1_000;
/** Who changes what is watched. */
const CHANGERS = 4;
/** The resource that is watched. */
const WATCHED_ITEM = 0;

/** Single writes: of resources that are there, of new ones, or only if they are as they were seen last. */
export function writes(kind: "update" | "create" | "compareAndSwap"): OpenLoad {
  return plain(({ calls, data }) => async (client) => {
    if (kind === "compareAndSwap") await calls.compareAndSwap(client, data.nextItem());
    else await calls.write(client, kind === "create" ? data.newItem() : data.nextItem());
    return 1;
  });
}

/** Writes of a hundred resources in a call. */
export const batches: OpenLoad = plain(({ calls, data }) => async (client) => {
  const items = Array.from({ length: BATCH }, () => data.nextItem());
  await calls.writeMany(client, items, false);
  return BATCH;
});

/** Reads of single resources. */
export function reads(strong: boolean): OpenLoad {
  return plain(({ calls, data }) => async (client) => {
    await calls.read(client, data.nextItem(), strong);
    return 1;
  });
}

/** Half of the clients write, the others read, strongly. */
export const mix: OpenLoad = plain(({ calls, data, clients }) => async (client) => {
  if (client < clients / 2) await calls.write(client, data.nextItem());
  else await calls.read(client, data.nextItem(), true);
  return 1;
});

/** Lists of a thousand resources, each of which is an operation. */
export const lists: OpenLoad = plain(({ calls, data }) => async (client) => {
  const thousand = data.nextItem() % Math.floor(data.keys / LISTED);
  const count = await calls.list(client, thousand);
  if (count !== LISTED) throw new BenchError(`a list has ${count} resources, expected ${LISTED}`);
  return count;
});

/** Changes of one resource that is watched; each is an operation for each watcher. The latency is from the start of a write until so many events have come as changes were begun. */
export function changesWatched(watches: number): OpenLoad {
  return async ({ calls }) => {
    const watchers = await openWatchers(calls, { count: watches, item: WATCHED_ITEM });
    return {
      callers: CHANGERS,
      async call(caller) {
        const delivered = watchers.next();
        await Promise.all([calls.write(caller, WATCHED_ITEM), delivered]);
        return watches;
      },
      close: () => watchers.close(),
    };
  };
}

function plain(make: (deps: LoadDeps) => Load["call"]): OpenLoad {
  return async (deps) => ({ callers: deps.clients, call: make(deps) });
}
