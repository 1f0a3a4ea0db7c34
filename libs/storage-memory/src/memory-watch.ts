import type { Clock } from "@trellis/resource";
import {
  type Key,
  StorageError,
  type StoredEvent,
  toVersion,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
  type WatchOptions,
} from "@trellis/storage";

import type { Arrivals } from "./arrivals.ts";
import { SNAPSHOT_SLICE } from "./limits.ts";
import { matcherOf } from "./matching.ts";
import type { Store } from "./store.ts";
import { waitForArrival } from "./waiting.ts";

/** What a watch stands on. */
export interface WatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly arrivals: Arrivals;
  /** Aborted when the backend closes. */
  readonly closed: AbortSignal;
  readonly onEnd: () => void;
}

/** How long a watch that resumes ahead of the store waits for the store to get there, in milliseconds. */
const CATCH_UP_MS = 5_000;
/** Commits that one `next` looks through before it lets others run. */
const COMMITS_PER_TURN = 4_096;

/**
 * A watch as a cursor: the version up to which its consumer knows everything. It holds neither events nor a copy of the store; a snapshot's slices
 * come from the copy that the store shares, by version.
 */
export class MemoryWatch implements Watch {
  readonly #deps: WatchDeps;
  readonly #query: TypeQuery;
  readonly #options: WatchOptions;
  readonly #matches: (key: Key) => boolean;
  readonly #own = new AbortController();
  #cursor: Version;
  /** Where the snapshot goes on; undefined once it is through, or for a watch that resumes. */
  #snapshot: { readonly after: Key | undefined } | undefined;
  #caughtUp = false;
  #lastBatchMs: number;

  constructor(deps: WatchDeps, query: TypeQuery, options: WatchOptions) {
    const { store, clock } = deps;
    this.#deps = deps;
    this.#query = query;
    this.#options = options;
    this.#matches = matcherOf(query);
    this.#snapshot = options.since === undefined ? { after: undefined } : undefined;
    this.#cursor = options.since?.version ?? store.position().version;
    this.#lastBatchMs = clock.monotonic();
    const { storeId } = store.position();
    if (options.since?.storeId !== undefined && options.since.storeId !== storeId) {
      throw new StorageError(
        "store-changed",
        `version ${this.#cursor} is of store ${options.since.storeId}, this is ${storeId}; list again`,
      );
    }
  }

  async next(): Promise<WatchBatch | undefined> {
    for (;;) {
      if (this.#own.signal.aborted) return undefined;
      this.#throwIfEnded();
      const batch = this.#snapshot === undefined ? this.#nextCommit() : this.#nextSlice(this.#snapshot);
      if (batch !== undefined) {
        this.#lastBatchMs = this.#deps.clock.monotonic();
        return batch;
      }
      await this.#wait();
      const bookmark = this.#dueBookmark();
      if (bookmark !== undefined) return bookmark;
    }
  }

  close(): void {
    if (this.#own.signal.aborted) return;
    this.#own.abort();
    this.#deps.onEnd();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch> {
    try {
      for (let batch = await this.next(); batch !== undefined; batch = await this.next()) yield batch;
    } finally {
      this.close();
    }
  }

  #throwIfEnded(): void {
    if (this.#deps.closed.aborted) {
      this.close();
      throw new StorageError("watch-closed", "the store was closed");
    }
    if (this.#options.signal?.aborted === true) {
      this.close();
      throw new StorageError("aborted", "the watch was aborted", { cause: this.#options.signal.reason });
    }
  }

  #nextSlice({ after }: { readonly after: Key | undefined }): WatchBatch {
    const { store, clock } = this.#deps;
    const range = { atVersion: this.#cursor, limit: SNAPSHOT_SLICE, after };
    try {
      const { records, more } = store.list(this.#query, range, clock.now());
      const last = records.at(-1);
      if (records.length > 0) {
        // An empty slice after the last one ends the snapshot.
        this.#snapshot = { after: last?.key };
        if (more || records.length > 0) return { kind: "snapshot", records };
      }
    } catch (error) {
      if (StorageError.is(error) && error.code === "version-gone") throw this.#slow();
      throw error;
    }
    this.#snapshot = undefined;
    this.#caughtUp = true;
    return { kind: "endOfSnapshot", version: this.#cursor };
  }

  /** The next commit with something to tell; moves over the others. */
  #nextCommit(): WatchBatch | undefined {
    const { history, position } = this.#deps.store;
    const present = position().version;
    if (this.#cursor < history.oldest)
      throw this.#options.since === undefined || this.#caughtUp ? this.#slow() : this.#historyGone();
    let looked = 0;
    while (this.#cursor < present && looked < COMMITS_PER_TURN) {
      looked += 1;
      const entry = history.at(toVersion(this.#cursor + 1));
      this.#cursor = entry.version;
      const events = this.#shown(entry.events);
      if (events.length > 0) return { kind: "commit", version: entry.version, events };
    }
    if (!this.#caughtUp && this.#cursor === present) {
      this.#caughtUp = true;
      return { kind: "endOfSnapshot", version: present };
    }
    return undefined;
  }

  #shown(events: readonly StoredEvent[]): readonly StoredEvent[] {
    if (events.length === 1)
      return events[0] !== undefined && this.#matches(events[0].record.key) ? events : [];
    return events.filter(({ record }) => this.#matches(record.key));
  }

  async #wait(): Promise<void> {
    const { store, clock, arrivals, closed } = this.#deps;
    const { version } = store.position();
    if (this.#cursor < version) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    const ahead = this.#cursor > version;
    const { bookmarkIntervalMs } = this.#options;
    const silentMs = clock.monotonic() - this.#lastBatchMs;
    const bookmarkMs =
      bookmarkIntervalMs === undefined ? undefined : Math.max(0, bookmarkIntervalMs - silentMs);
    const timeoutMs = ahead ? CATCH_UP_MS : bookmarkMs;
    const why = await waitForArrival(arrivals, clock, {
      timeoutMs,
      signals: [this.#own.signal, this.#options.signal, closed],
    });
    if (ahead && why === "time" && this.#cursor > store.position().version) {
      this.close();
      throw new StorageError(
        "version-not-reached",
        `the store is at version ${store.position().version}, the watch resumes after ${this.#cursor}; resume from a version that it gave`,
      );
    }
  }

  #dueBookmark(): WatchBatch | undefined {
    const { bookmarkIntervalMs } = this.#options;
    const { clock, store } = this.#deps;
    const nowMs = clock.monotonic();
    if (bookmarkIntervalMs === undefined || this.#own.signal.aborted || !this.#caughtUp) return undefined;
    if (nowMs - this.#lastBatchMs < bookmarkIntervalMs || this.#cursor !== store.position().version)
      return undefined;
    this.#lastBatchMs = nowMs;
    return { kind: "bookmark", version: this.#cursor };
  }

  #slow(): StorageError {
    this.close();
    const behind = this.#deps.store.history.oldest - this.#cursor;
    return new StorageError(
      "slow-watcher",
      `the watch fell ${behind} commits behind the history; resume after ${this.#cursor}, or list again`,
      {
        resumeVersion: this.#cursor,
      },
    );
  }

  #historyGone(): StorageError {
    this.close();
    return new StorageError(
      "history-gone",
      `the history begins at version ${this.#deps.store.history.oldest}, the watch resumes after ${this.#cursor}; list again`,
    );
  }
}
