import type { Clock } from "@trellis/resource";
import {
  type Key,
  type MinimumPosition,
  StorageError,
  type StoredEvent,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  watchIterator,
} from "@trellis/storage";

import type { Marks } from "../calls/mark.ts";
import type { Reads } from "../calls/reads.ts";
import { hasCode } from "../errors.ts";
import { HOLD_MS } from "../patience.ts";
import type { ResumingWatch } from "./resuming-watch.ts";
import type { Reader, SharedWatch } from "./shared-watch.ts";
import type { SharedWatches } from "./shared-watches.ts";

/** What a watch works with. */
export interface RoutedWatchDeps {
  readonly clock: Clock;
  readonly reads: Reads;
  readonly shared: SharedWatches;
  readonly mark: Marks;
  readonly onEnd: (watch: RoutedWatch) => void;
}

/** Records in one slice of a snapshot. */
const SNAPSHOT_SLICE = 512;

/**
 * One reader's watch. Its snapshot is a list in pages of one version, so that a replica lost in the middle is replaced by any that has the version; then it
 * reads the shared watch of its scope. One that resumes from before the shared watch reads its own until it gets there.
 */
export class RoutedWatch implements Watch, Reader {
  readonly #deps: RoutedWatchDeps;
  readonly #query: TypeQuery;
  readonly #options: WatchOptions;
  readonly #closing = new AbortController();
  readonly #onAbort = (): void =>
    this.fail(new StorageError("aborted", "the caller ended the watch by its signal"));
  /** The snapshot is under way: its version and the last key, once the first slice is there. */
  #snapshot: { version: Version | undefined; after: Key | undefined } | undefined;
  /** All up to here was delivered. */
  #since: MinimumPosition | undefined;
  #alone: ResumingWatch | undefined;
  #shared: SharedWatch | undefined;
  #cursor = 0;
  /** Where it began to read the shared watch, which may have to get there yet. */
  #joinedAt = 0;
  /** Where a resumed watch reaches the present. */
  #endDue: Version | undefined;
  #isEndDelivered: boolean;
  #deliveredMs: number;
  #wakeUp: (() => void) | undefined;
  #isBusy = false;
  #ended: { readonly error: StorageError | undefined } | undefined;

  constructor(deps: RoutedWatchDeps, query: TypeQuery, options: WatchOptions) {
    this.#deps = deps;
    this.#query = { ...query };
    this.#options = options;
    const { since, signal } = options;
    this.#since = since;
    this.#isEndDelivered = since === undefined;
    this.#snapshot = since === undefined ? { version: undefined, after: undefined } : undefined;
    this.#deliveredMs = deps.clock.monotonic();
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async next(): Promise<WatchBatch | undefined> {
    if (this.#isBusy) {
      throw new StorageError(
        "invalid",
        "a watch has one consumer: expected the last next() to be answered before another, found it waiting",
      );
    }
    this.#isBusy = true;
    try {
      return await this.#take();
    } finally {
      this.#isBusy = false;
    }
  }

  take(): WatchBatch | undefined {
    if (this.#isBusy || this.#ended !== undefined || this.#shared === undefined) return undefined;
    if (this.#since === undefined || this.#cursor < this.#shared.ring.first) return undefined;
    return this.#fromRing(this.#shared);
  }

  close(): void {
    this.#end(undefined);
  }

  fail(error: StorageError): void {
    this.#end(error);
  }

  wake(): void {
    const wakeUp = this.#wakeUp;
    this.#wakeUp = undefined;
    wakeUp?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return watchIterator(this);
  }

  async #take(): Promise<WatchBatch | undefined> {
    for (;;) {
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return undefined;
      }
      try {
        const batch = await this.#step();
        if (batch !== undefined && this.#ended === undefined) return batch;
      } catch (error) {
        if (!StorageError.is(error)) throw error;
        this.fail(error);
      }
    }
  }

  /** Gets one step on: a batch, or undefined when there is more to be done for one. */
  async #step(): Promise<WatchBatch | undefined> {
    if (this.#snapshot !== undefined) return await this.#slice(this.#snapshot);
    const since = this.#since;
    if (since === undefined)
      throw new Error("broken invariant of a watch: it has neither a snapshot nor a version");
    if (this.#shared !== undefined) return await this.#follow(this.#shared, since);
    if (this.#alone !== undefined) {
      // The end of a snapshot comes before what happened since.
      return this.#endDue === undefined
        ? await this.#catchUp(this.#alone)
        : this.#endOfSnapshot(this.#endDue);
    }
    this.#alone = this.#enter(since) ? undefined : this.#deps.shared.alone(this.#query, since);
    return undefined;
  }

  /** The next records of the snapshot, or its end. */
  async #slice(snapshot: {
    version: Version | undefined;
    after: Key | undefined;
  }): Promise<WatchBatch | undefined> {
    const { version, after } = snapshot;
    const hold = new AbortController();
    const cancel = this.#deps.clock.after(HOLD_MS, () => hold.abort());
    const signal = AbortSignal.any([hold.signal, this.#closing.signal]);
    try {
      const { records, more, position } = await this.#deps.reads.list(this.#query, {
        limit: SNAPSHOT_SLICE,
        signal,
        ...(version !== undefined && { atVersion: version }),
        ...(after !== undefined && { after }),
      });
      snapshot.version = position.version;
      snapshot.after = records.at(-1)?.key ?? after;
      this.#since = position;
      if (!more) this.#endSnapshot(records.length === 0);
      if (records.length > 0) return { kind: "snapshot", records };
      return more ? undefined : this.#delivered({ kind: "endOfSnapshot", version: position.version });
    } catch (error) {
      if (!hasCode(error, "version-gone")) throw error;
      throw new StorageError(
        "slow-watcher",
        `the watch read its snapshot of version ${version} so slowly that no replica keeps it; begin again and read faster`,
        { cause: error },
      );
    } finally {
      cancel();
    }
  }

  /** The snapshot is complete: what follows it is kept from now on. */
  #endSnapshot(isEndDelivered: boolean): void {
    const { shared } = this.#deps;
    const since = this.#since;
    this.#snapshot = undefined;
    if (since === undefined) return;
    if (!this.#enter(since)) {
      const alone = shared.alone(this.#query, since);
      this.#use(shared.share(this.#query, alone, this), since);
      if (this.#shared === undefined) this.#alone = alone;
    }
    this.#isEndDelivered = isEndDelivered;
    this.#endDue = isEndDelivered ? undefined : since.version;
  }

  /** Reads the shared watch, if it has what this one needs. */
  #enter(since: MinimumPosition): boolean {
    const shared = this.#deps.shared.join(this.#query, since, this);
    // What lies ahead of it is waited for at a replica, which says when there is no such version.
    if (shared !== undefined && !this.#isEndDelivered && since.version > shared.reached) {
      this.#deps.shared.leave(shared, this);
      return false;
    }
    this.#use(shared, since);
    return shared !== undefined;
  }

  #use(shared: SharedWatch | undefined, since: MinimumPosition): void {
    if (shared === undefined) return;
    this.#shared = shared;
    this.#cursor = shared.ring.positionAfter(since.version);
    this.#joinedAt = since.version;
    if (!this.#isEndDelivered) this.#endDue = shared.reached;
  }

  /** Reads its own watch, until the shared one has what comes next. */
  async #catchUp(alone: ResumingWatch): Promise<WatchBatch | undefined> {
    const batch = await alone.next();
    if (batch === undefined) {
      if (this.#ended === undefined)
        this.fail(new StorageError("watch-closed", "the backend was closed; watch again"));
      return undefined;
    }
    this.#since = alone.reached;
    if (batch.kind === "commit") return this.#matching(batch.version, batch.events);
    const isEnd = batch.kind === "endOfSnapshot" && !this.#isEndDelivered;
    if (isEnd) this.#isEndDelivered = true;
    this.#settle(alone);
    return isEnd ? this.#delivered({ kind: "endOfSnapshot", version: batch.version }) : undefined;
  }

  /** It has reached the present: its watch is shared from now on, or it goes over to the one that is. */
  #settle(alone: ResumingWatch): void {
    const { shared } = this.#deps;
    const since = alone.reached;
    if (this.#enter(since)) {
      alone.close();
      this.#alone = undefined;
      return;
    }
    this.#use(shared.share(this.#query, alone, this), since);
    if (this.#shared !== undefined) this.#alone = undefined;
  }

  async #follow(shared: SharedWatch, since: MinimumPosition): Promise<WatchBatch | undefined> {
    const { ring } = shared;
    if (this.#cursor < ring.first) {
      const { version } = since;
      throw new StorageError(
        "slow-watcher",
        `the watch read so slowly that what happened after version ${version} is not kept here; resume after it and read faster`,
        { resumeVersion: version },
      );
    }
    const batch = this.#fromRing(shared);
    if (batch !== undefined) return batch;
    if (shared.failure !== undefined) throw shared.failure;
    return await this.#sleep(shared, since);
  }

  /** What the ring has for this watch; undefined when there is nothing more. */
  #fromRing({ ring }: SharedWatch): WatchBatch | undefined {
    while (this.#cursor < ring.next) {
      const commit = ring.at(this.#cursor);
      if (this.#endDue !== undefined && commit.version > this.#endDue)
        return this.#endOfSnapshot(this.#endDue);
      this.#cursor++;
      if (commit.version <= this.#joinedAt) continue;
      const batch = this.#matching(commit.version, commit.events);
      if (batch !== undefined) return batch;
    }
    return this.#endDue === undefined ? undefined : this.#endOfSnapshot(this.#endDue);
  }

  #endOfSnapshot(version: Version): WatchBatch {
    this.#endDue = undefined;
    this.#isEndDelivered = true;
    return this.#delivered({ kind: "endOfSnapshot", version });
  }

  #matching(version: Version, events: readonly StoredEvent[]): WatchBatch | undefined {
    const { name, namePrefix = "" } = this.#query;
    const matches = ({ record }: StoredEvent): boolean =>
      (name === undefined || record.key.name === name) && record.key.name.startsWith(namePrefix);
    const found = events.every(matches) ? events : events.filter(matches);
    return found.length === 0 ? undefined : this.#delivered({ kind: "commit", version, events: found });
  }

  #delivered(batch: Exclude<WatchBatch, { kind: "snapshot" }>): WatchBatch {
    const { clock, mark } = this.#deps;
    const storeId = this.#shared?.storeId ?? this.#alone?.reached.storeId ?? this.#since?.storeId;
    this.#since = { storeId, version: batch.version };
    this.#deliveredMs = clock.monotonic();
    if (storeId !== undefined) mark.shows({ storeId, version: batch.version });
    return batch;
  }

  /** Waits until there is something new; a bookmark when the silence gets too long. */
  async #sleep(shared: SharedWatch, since: MinimumPosition): Promise<WatchBatch | undefined> {
    const { bookmarkIntervalMs } = this.#options;
    const { clock } = this.#deps;
    const leftMs =
      bookmarkIntervalMs === undefined
        ? undefined
        : this.#deliveredMs + bookmarkIntervalMs - clock.monotonic();
    if (leftMs !== undefined && leftMs <= 0) {
      const version = shared.reached > since.version ? shared.reached : since.version;
      return this.#delivered({ kind: "bookmark", version });
    }
    const cancel = leftMs === undefined ? undefined : clock.after(leftMs, () => this.wake());
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
    cancel?.();
    return undefined;
  }

  #end(error: StorageError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#closing.abort();
    this.#alone?.close();
    if (this.#shared !== undefined) this.#deps.shared.leave(this.#shared, this);
    this.#snapshot = undefined;
    this.#deps.onEnd(this);
    this.wake();
  }
}
