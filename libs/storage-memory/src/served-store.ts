import type { Clock } from "@trellis/resource";
import {
  type CommitResult,
  type Key,
  type ListOptions,
  type ListResult,
  type MinimumPosition,
  type Operation,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  StorageError,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchOptions,
} from "@trellis/storage";
import { WatchHub } from "@trellis/storage/watching";

import { Rebuild } from "./copies.ts";
import { listOwned, listRange } from "./list-store.ts";
import type { RecordTree } from "./record-tree.ts";
import type { Store } from "./store.ts";
import { aborted, closedError, storeChanged, versionGone } from "./store-errors.ts";
import { StoreWatch } from "./store-watch.ts";
import { nextTurn } from "./turn.ts";
import { VersionWaiters } from "./version-waiters.ts";

/** How often the age of history and copies is looked at while nothing happens: this share of the greater age. */
const EXPIRIES_PER_AGE = 16;

/** How much a store holds. */
export interface StoreFigures {
  readonly records: number;
  readonly historyCommits: number;
  readonly historyBytes: number;
  /** Pinned copies of older versions. */
  readonly copies: number;
  /** Open watches. */
  readonly watches: number;
}

/**
 * A store with those who read it: reads, lists and watches of the backend contract on whatever `apply` brings, from a memory backend's
 * commits or from a replicated log. `strong` is the caller's business; here all reads show the present.
 */
export class ServedStore {
  readonly #clock: Clock;
  #store: Store;
  #hub: WatchHub;
  readonly #waiters: VersionWaiters;
  readonly #rebuilding = new Map<Version, Promise<RecordTree>>();
  #cancelExpiry: (() => void) | undefined;
  #closed = false;

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    this.#hub = new WatchHub(store.limits.watches, this.#clock);
    this.#waiters = new VersionWaiters(store.limits.waiters);
  }

  position(): Position {
    return this.#store.position;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** How much the store holds now. */
  figures(): StoreFigures {
    const { size, history, copies } = this.#store;
    return {
      records: size,
      historyCommits: history.next - history.first,
      historyBytes: history.bytes,
      copies: copies.count,
      watches: this.#hub.size,
    };
  }

  /** Applies a commit (see `Store.apply`) and tells those who wait for it. */
  apply(operations: readonly Operation[], version?: Version): CommitResult {
    this.#checkOpen();
    const before = this.#store.history.next;
    const result = this.#store.apply(operations, version);
    if (this.#store.history.next === before) return result;
    if (this.#hub.size > 0) {
      for (const { record } of this.#store.history.at(before).events)
        this.#hub.touch(record.alike.type, record.name, before);
    }
    this.#waiters.reached(this.#store.version);
    this.#expire();
    return result;
  }

  /** Moves the version on past commits that changed nothing (see `Store.advance`). */
  advance(version: Version): void {
    this.#store.advance(version);
    this.#waiters.reached(version);
  }

  /** Evaluates a commit on the present state and applies nothing. */
  evaluateOnly(operations: readonly Operation[]): CommitResult {
    this.#checkOpen();
    return this.#store.evaluateOnly(operations);
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ReadResult> {
    await this.#ready(options);
    return this.#found(key);
  }

  /** Reads what is there; undefined while the store is older than the minimum. */
  readNow(key: Key, { minimum }: Pick<ReadOptions, "minimum"> = {}): ReadResult | undefined {
    this.#checkOpen();
    return minimum === undefined || this.#isReached(minimum) ? this.#found(key) : undefined;
  }

  async list(query: TypeQuery | OwnerQuery, options: ListOptions = {}): Promise<ListResult> {
    const { limit, atVersion } = options;
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
      throw new StorageError("invalid", `the limit of a list is a whole number from 1, found ${limit}`);
    }
    await this.#ready(options);
    const store = this.#store;
    if (atVersion !== undefined && atVersion > store.version) {
      throw new StorageError(
        "invalid",
        `a list shows a version that the store has reached, ${store.version} now, found ${atVersion}; wait for it with a minimum`,
      );
    }
    const source = {
      store,
      version: atVersion ?? store.version,
      treeAt: (version: Version) => this.#treeAt(store, version),
      checkOpen: () => {
        this.#checkOpen();
        if (options.signal?.aborted === true) throw aborted();
      },
    };
    const found = await ("owner" in query
      ? listOwned(source, query, options)
      : listRange(source, query, options));
    return { ...found, position: { storeId: store.storeId, version: source.version } };
  }

  /** Opens a watch on the present. Throws `unavailable` when closed and `resource-exhausted` beyond the bound on watches. */
  watch(query: TypeQuery, options: WatchOptions = {}): Watch {
    this.#checkOpen();
    const store = this.#store;
    const hub = this.#hub;
    return new StoreWatch(
      {
        store,
        hub,
        clock: this.#clock,
        wait: (version, signal) => this.#waiters.wait(version, signal, store.version),
        treeAt: (version) => this.#treeAt(store, version),
      },
      query,
      options,
    );
  }

  /**
   * Puts another store in the place of this one, as after the installation of a snapshot. Open watches end with `watch-closed`; they may
   * resume if the new store's history reaches back to where they were, and otherwise begin again.
   */
  replace(store: Store): void {
    this.#checkOpen();
    this.#store = store;
    this.#rebuilding.clear();
    this.#hub.failAll(new StorageError("watch-closed", "the store was replaced by a snapshot; watch again"));
    this.#hub = new WatchHub(store.limits.watches, this.#clock);
    this.#waiters.reached(store.version);
  }

  /** Ends all watches with `watch-closed` and all waits with `unavailable`. May be called more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelExpiry?.();
    this.#hub.failAll(
      new StorageError("watch-closed", "the backend was closed; watch again when it is back"),
    );
    this.#waiters.failAll(closedError());
  }

  async #ready({ minimum, signal }: ReadOptions): Promise<void> {
    this.#checkOpen();
    if (minimum !== undefined && !this.#isReached(minimum)) {
      await this.#waiters.wait(minimum.version, signal, this.#store.version);
      this.#checkOpen();
    }
    if (signal?.aborted === true) throw aborted();
  }

  #found(key: Key): ReadResult {
    return { record: this.#store.get(key), position: this.#store.position };
  }

  /** Throws `store-changed` for a version of another store. */
  #isReached({ storeId, version }: MinimumPosition): boolean {
    const store = this.#store;
    if (storeId !== undefined && storeId !== store.storeId) throw storeChanged(store.storeId, storeId);
    return version <= store.version;
  }

  /** The records as of a version, from a copy or rebuilt from the history; those who want the same one share it. */
  #treeAt(store: Store, version: Version): Promise<RecordTree> {
    this.#expire();
    const isPresent = store === this.#store;
    // Looked for first: to begin another takes a copy, and a look that lasts until it is collected.
    const underWay = isPresent ? this.#rebuilding.get(version) : undefined;
    if (underWay !== undefined) return underWay;
    const found = store.at(version);
    if (found === undefined) throw versionGone(store, version);
    if (!(found instanceof Rebuild)) return Promise.resolve(found);
    // Most are done in one slice, and then there is nothing to be shared.
    if (found.advance()) {
      store.pinRebuilt(version, found);
      return Promise.resolve(found.tree);
    }
    const rebuilding = this.#rebuild(store, version, found);
    if (isPresent) this.#rebuilding.set(version, rebuilding);
    return rebuilding;
  }

  async #rebuild(store: Store, version: Version, rebuild: Rebuild): Promise<RecordTree> {
    do await nextTurn();
    while (!rebuild.advance());
    store.pinRebuilt(version, rebuild);
    if (store === this.#store) this.#rebuilding.delete(version);
    return rebuild.tree;
  }

  #expire(): void {
    const store = this.#store;
    store.expire(this.#clock.monotonic());
    if (this.#cancelExpiry !== undefined || this.#closed) return;
    if (store.history.first === store.history.next && store.copies.count === 0) return;
    const ageMs = Math.max(store.limits.historyAgeMs, store.limits.copyAgeMs);
    this.#cancelExpiry = this.#clock.after(Math.ceil(ageMs / EXPIRIES_PER_AGE), () => {
      this.#cancelExpiry = undefined;
      this.#expire();
      this.#compact();
    });
  }

  /** What was forgotten with age leaves waste, also where no commit comes any more. */
  #compact(): void {
    if (!this.#closed && this.#store.compact()) setImmediate(() => this.#compact());
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }
}

/** Serves a store. */
export function createServedStore(deps: { readonly store: Store; readonly clock: Clock }): ServedStore {
  return new ServedStore(deps);
}
