import type { Client } from "@trellis/client";
import type { Clock, ResourceType } from "@trellis/resource";

import type { Index } from "../cache.ts";
import type { Transform } from "../controller.ts";
import type { ControllerLog } from "../log.ts";
import { Informer } from "./informer.ts";

/** What a pool of caches runs on. */
export interface CachesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: ControllerLog;
}

/** What somebody wants to have cached. Who wants the same type, selector and transform (the very function) shares one watch and one store. */
export interface CacheWanted {
  readonly type: ResourceType;
  /** Terms on metadata: everything when absent. */
  readonly selector?: string | undefined;
  /** What is kept of a resource: all of it when absent. */
  readonly transform?: Transform | undefined;
  /** Kept until everybody who wants them has released the cache. */
  readonly indexes?: readonly Index[] | undefined;
}

/** One share in a cache. */
export interface CacheShare {
  readonly informer: Informer;
  /** Opens the watch, unless another share has. */
  start(): void;
  /** Gives the share back, once. The watch ends with the last share; resolves when it has. */
  release(): Promise<void>;
}

/** The caches of one client, shared by all runtimes that are given them. */
export interface Caches {
  acquire(wanted: CacheWanted): CacheShare;
  /** Caches in which somebody has a share. */
  readonly size: number;
}

/** A cache in which somebody has a share. */
interface SharedCache {
  readonly wanted: Omit<CacheWanted, "indexes">;
  readonly informer: Informer;
  shares: number;
  /** How many of the shares want each index. */
  readonly indexes: Map<Index, number>;
}

/** Makes a pool of caches. */
export function createCaches({ client, clock, log }: CachesOptions): Caches {
  const all = new Set<SharedCache>();

  function create({ type, selector, transform }: CacheWanted): SharedCache {
    const query = selector === undefined ? {} : { selector };
    const informer = new Informer(type, { client, clock, log, query, transform });
    const shared = { wanted: { type, selector, transform }, informer, shares: 0, indexes: new Map() };
    all.add(shared);
    return shared;
  }
  function find({ type, selector, transform }: CacheWanted): SharedCache | undefined {
    return [...all].find(
      ({ wanted }) =>
        wanted.type.gvk === type.gvk && wanted.selector === selector && wanted.transform === transform,
    );
  }
  return {
    get size() {
      return all.size;
    },
    acquire(wanted) {
      const shared = find(wanted) ?? create(wanted);
      const { informer } = shared;
      const indexes = new Set(wanted.indexes);
      shared.shares += 1;
      for (const index of indexes) addIndex(shared, index);
      let released = false;
      return {
        informer,
        start: () => informer.start(),
        async release() {
          if (released) return;
          released = true;
          shared.shares -= 1;
          for (const index of indexes) removeIndex(shared, index);
          if (shared.shares > 0) return;
          all.delete(shared);
          await informer.stop();
        },
      };
    },
  };
}

function addIndex({ informer, indexes }: SharedCache, index: Index): void {
  indexes.set(index, (indexes.get(index) ?? 0) + 1);
  informer.addIndex(index);
}

function removeIndex({ informer, indexes }: SharedCache, index: Index): void {
  const left = (indexes.get(index) ?? 0) - 1;
  if (left > 0) indexes.set(index, left);
  else {
    indexes.delete(index);
    informer.cache.removeIndex(index);
  }
}
