import { type Clock, createUlids, type Random } from "@trellis/resource";
import {
  type Backend,
  type CallOptions,
  type MinimumPosition,
  type ReadOptions,
  StorageError,
  toVersion,
  type Watch,
} from "@trellis/storage";

import { Arrivals } from "./arrivals.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { createStore, type Store } from "./store.ts";
import { waitForArrival } from "./waiting.ts";

/** What a memory backend needs from outside. */
export interface MemoryBackendDeps {
  readonly clock: Clock;
  /** Mints the store id. */
  readonly random: Random;
}

/** The memory backend, and what its operators may look at. */
export interface MemoryBackend extends Backend {
  figures(): ReturnType<Store["figures"]> & { readonly watches: number };
}

const MICROSECONDS_PER_MILLISECOND = 1_000;

/**
 * A backend in this process's memory, gone with it. Its store id is new and its versions begin at the clock's microseconds, so that no version of an earlier process
 * comes again (DESIGN §5).
 */
export function createMemoryBackend({ clock, random }: MemoryBackendDeps, limits: Partial<StoreLimits> = {}): MemoryBackend {
  const kept: StoreLimits = { ...DEFAULT_LIMITS, ...limits };
  const start = {
    storeId: createUlids({ clock, random })(),
    version: toVersion(Math.floor(clock.now() * MICROSECONDS_PER_MILLISECOND)),
  };
  const store = createStore(start, kept);
  const arrivals = new Arrivals();
  const closing = new AbortController();
  const watches = new Set<Watch>();

  async function settle(options: ReadOptions): Promise<void> {
    throwIfUnusable(closing.signal, options);
    if (options.minimum !== undefined) await reach(options.minimum, options.signal);
  }

  async function reach(minimum: MinimumPosition, signal: AbortSignal | undefined): Promise<void> {
    const { storeId } = store.position();
    if (minimum.storeId !== undefined && minimum.storeId !== storeId) {
      throw new StorageError("store-changed", `version ${minimum.version} is of store ${minimum.storeId}, this is ${storeId}; read again without it`);
    }
    while (store.position().version < minimum.version) {
      const why = await waitForArrival(arrivals, clock, { signals: [signal, closing.signal] });
      if (why === "aborted") {
        throw new StorageError(
          "version-not-reached",
          `the store is at version ${store.position().version}, expected at least ${minimum.version}; try again later`,
          { cause: signal?.reason },
        );
      }
    }
  }

  return {
    capabilities: { multiOperationCommits: true, strongReads: true, historyReads: true, resumableWatches: true, durable: false },
    position: () => store.position(),
    figures: () => ({ ...store.figures(), watches: watches.size }),
    async read(key, options = {}) {
      await settle(options);
      return { record: store.get(key), position: store.position() };
    },
    async list(query, options = {}) {
      await settle(options);
      return store.list(query, options, clock.now());
    },
    async commit(operations, options = {}) {
      throwIfUnusable(closing.signal, options);
      const before = store.position().version;
      const result = store.commit(operations, clock.now(), options.evaluateOnly);
      if (store.position().version !== before) arrivals.announce();
      return result;
    },
    watch(query, options = {}) {
      throwIfUnusable(closing.signal, options);
      if (watches.size >= kept.watches) {
        throw new StorageError("resource-exhausted", `${kept.watches} watches are open, the most of this store; close some, or try again later`);
      }
      const watch: Watch = new MemoryWatch(
        { store, clock, arrivals, closed: closing.signal, onEnd: () => watches.delete(watch) },
        query,
        options,
      );
      watches.add(watch);
      return watch;
    },
    async close() {
      closing.abort();
      arrivals.announce();
      watches.clear();
    },
  };
}

function throwIfUnusable(closed: AbortSignal, { signal }: CallOptions): void {
  if (closed.aborted) throw new StorageError("unavailable", "the store is closed");
  if (signal?.aborted === true) throw new StorageError("aborted", "the call was aborted before it began", { cause: signal.reason });
}
