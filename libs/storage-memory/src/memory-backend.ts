import { type Clock, createUlids, type Random } from "@trellis/resource";
import { type Backend, StorageError, toVersion } from "@trellis/storage";

import type { StoreLimits } from "./limits.ts";
import { createServedStore, type StoreFigures } from "./served-store.ts";
import { createStore } from "./store.ts";

/** What a memory backend needs from outside. */
export interface MemoryBackendDeps {
  readonly clock: Clock;
  /** Mints the store id. */
  readonly random: Random;
}

/** The memory backend, and what its operators may look at. */
export interface MemoryBackend extends Backend {
  figures(): StoreFigures;
}

const MICROSECONDS_PER_MILLISECOND = 1000;

/**
 * A backend in this process's memory, gone with it. It is linearizable: every read is strong. Its store id is new and its versions begin at
 * the wall clock's microseconds, so that those of an earlier run are never met again (DESIGN §5). A commit whose signal was aborted
 * before it began throws `aborted`, not applied; there is no moment at which its outcome is unknown.
 */
export function createMemoryBackend(
  { clock, random }: MemoryBackendDeps,
  limits?: Partial<StoreLimits>,
): MemoryBackend {
  const storeId = createUlids({ clock, random })();
  const version = toVersion(Math.floor(clock.now() * MICROSECONDS_PER_MILLISECOND));
  const served = createServedStore({ store: createStore({ storeId, version }, limits), clock });
  return {
    capabilities: {
      multiOperationCommits: true,
      strongReads: true,
      historyReads: true,
      resumableWatches: true,
      durable: false,
    },
    position: () => served.position(),
    figures: () => served.figures(),
    read: (key, options) => served.read(key, options),
    readNow: (key, options) => served.readNow(key, options),
    list: (query, options) => served.list(query, options),
    async commit(operations, options = {}) {
      if ((options.caller ?? options.signal)?.aborted === true) {
        throw new StorageError(
          "aborted",
          "the caller ended the commit by its signal before it began; nothing was applied",
        );
      }
      return options.evaluateOnly === true ? served.evaluateOnly(operations) : served.apply(operations);
    },
    watch: (query, options) => served.watch(query, options),
    async close() {
      served.close();
    },
  };
}
