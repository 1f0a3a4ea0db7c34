import { type Clock, createUlids, type Random } from "@trellis/resource";
import {
  type Backend,
  type Capabilities,
  type CommitOptions,
  type CommitResult,
  type Key,
  type ListOptions,
  type ListResult,
  type Operation,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  StorageError,
  toVersion,
  type TypeQuery,
  type Watch,
  type WatchOptions,
} from "@trellis/storage";

import type { StoreLimits } from "./limits.ts";
import { createServedStore, type ServedStore } from "./served-store.ts";
import { createStore } from "./store.ts";

const MICROSECONDS_PER_MILLISECOND = 1000;

/**
 * A backend in this process's memory, lost when it ends. It is linearizable: every read is strong. Its versions begin at the wall clock's
 * microseconds, so that those of an earlier run are never met again, and its store id is new.
 */
export function createMemoryBackend(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  limits?: Partial<StoreLimits>,
): Backend {
  const storeId = createUlids({ clock, random })();
  const version = toVersion(Math.floor(clock.now() * MICROSECONDS_PER_MILLISECOND));
  return new MemoryBackend(createServedStore({ store: createStore({ storeId, version }, limits), clock }));
}

class MemoryBackend implements Backend {
  readonly capabilities: Capabilities = {
    multiOperationCommits: true,
    strongReads: true,
    historyReads: true,
    resumableWatches: true,
    durable: false,
  };
  readonly #served: ServedStore;

  constructor(served: ServedStore) {
    this.#served = served;
  }

  position(): Position {
    return this.#served.position();
  }

  read(key: Key, options?: ReadOptions): Promise<ReadResult> {
    return this.#served.read(key, options);
  }

  list(query: TypeQuery | OwnerQuery, options?: ListOptions): Promise<ListResult> {
    return this.#served.list(query, options);
  }

  async commit(operations: readonly Operation[], options: CommitOptions = {}): Promise<CommitResult> {
    if (options.signal?.aborted === true) {
      throw new StorageError(
        "aborted",
        "the caller ended the commit by its signal before it began; nothing was applied",
      );
    }
    return options.evaluateOnly === true
      ? this.#served.evaluateOnly(operations)
      : this.#served.apply(operations);
  }

  watch(query: TypeQuery, options?: WatchOptions): Watch {
    return this.#served.watch(query, options);
  }

  async close(): Promise<void> {
    this.#served.close();
  }
}
