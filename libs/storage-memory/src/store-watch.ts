import type { Clock } from "@trellis/resource";
import {
  type CommitTaker,
  type MinimumPosition,
  StorageError,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WatchSleeper,
  watchIterator,
} from "@trellis/storage";
import {
  type BookmarkedWatch,
  BookmarkTimer,
  matchingEvents,
  type Sleeper,
  type WatchGroup,
  type WatchHub,
} from "@trellis/storage/watching";

import { type KeyRange, keyRange } from "./key-range.ts";
import type { RecordTree } from "./record-tree.ts";
import type { Store } from "./store.ts";
import { historyGone, slowWatcher, snapshotGone, storeChanged } from "./store-errors.ts";
import { nextTurn } from "./turn.ts";

/** What a watch needs of the store that it watches. */
export interface WatchedStore {
  readonly store: Store;
  readonly hub: WatchHub;
  readonly clock: Clock;
  /** Waits until the store reaches a version. */
  wait(version: Version, signal: AbortSignal | undefined): Promise<void>;
  /** The records as of a version; throws `version-gone`. */
  treeAt(version: Version): Promise<RecordTree>;
}

/** Records in one slice of a snapshot. */
const SNAPSHOT_SLICE_RECORDS = 512;
/** Keys that one slice of a snapshot looks at. */
const SNAPSHOT_SLICE_VISITS = 8192;

/** How long a watch that resumes ahead of the store waits for the store to get there, in milliseconds. */
const CATCH_UP_MS = 5_000;
/** Commits that one look at the history goes through before it lets others go first. */
const COMMITS_PER_TURN = 4096;

type Phase = "behind" | "snapshot" | "following";

interface Consumer {
  resolve(batch: WatchBatch | undefined): void;
  reject(error: StorageError): void;
}

/**
 * One watch: a position in the shared history and, while it sends its snapshot, a version and a key. Its snapshot is that of
 * the moment it was opened.
 */
export class StoreWatch implements Watch, Sleeper, BookmarkedWatch {
  // What a waking goes through stands first, side by side in memory ("the way" in decision 12).
  /** Who waits without a promise. */
  #asleep: WatchSleeper | undefined;
  #waiting: Consumer | undefined;
  /** Whether the rest of the history is looked at in the next turn. */
  #isLookDue = false;
  /** Whether it is being woken, and still in its group's set: it would make new tables all the time if each watch left and came again. */
  #isRoused = false;
  /** The position in the history of the next commit to look at. */
  #cursor = 0;
  readonly #watched: WatchedStore;
  readonly #group: WatchGroup;
  readonly #query: TypeQuery;
  #phase: Phase;
  #busy = false;
  #ended: { readonly error: StorageError | undefined } | undefined;
  /** `endOfSnapshot` is due once the commits up to this version are delivered. */
  #endDue: Version | undefined;
  /** The last delivered point to resume from. */
  #resumeVersion: Version | undefined;
  /** Undefined where it was asked for no bookmarks. */
  readonly #bookmarks: BookmarkTimer | undefined;
  readonly #range: KeyRange;
  readonly #options: WatchOptions;
  readonly #onAbort = () =>
    this.fail(new StorageError("aborted", "the caller ended the watch by its signal"));
  #snapshot: { readonly version: Version; after: string | undefined } | undefined;
  /** Ends the wait of a watch that resumes ahead of the store. */
  #catchingUp: AbortController | undefined;

  constructor(watched: WatchedStore, query: TypeQuery, options: WatchOptions) {
    this.#watched = watched;
    this.#range = keyRange(query);
    this.#options = options;
    const { store, hub, clock } = watched;
    const { since, bookmarkIntervalMs: intervalMs, signal } = options;
    this.#group = hub.join(query, this, store.history.next - 1);
    this.#query = this.#group.looks.queryOf(query);
    this.#bookmarks = intervalMs === undefined ? undefined : new BookmarkTimer({ clock, intervalMs }, this);
    this.#endDue = store.version;
    this.#resumeVersion = since?.version;
    this.#cursor = store.history.next;
    this.#phase = since === undefined ? "snapshot" : "behind";
    this.#snapshot = { version: store.version, after: undefined };
    if (since !== undefined && since.version <= store.version) this.#resume(since);
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  next(): Promise<WatchBatch | undefined> {
    if (this.#busy || this.#asleep !== undefined) {
      const message =
        "a watch has one consumer: expected the last next() to be answered before another, found it waiting";
      return Promise.reject(new StorageError("invalid", message));
    }
    this.#busy = true;
    return this.#take().finally(() => {
      this.#busy = false;
    });
  }

  take(): WatchBatch | undefined {
    return this.#mayFollow ? this.#follow() : undefined;
  }

  offer(taker: CommitTaker): boolean {
    const { history } = this.#watched.store;
    const { looks, lastPosition } = this.#group;
    const from = this.#cursor;
    if (!this.#mayFollow || this.#endDue !== undefined) return false;
    if (from < history.first || from >= history.next || from > lastPosition) return false;
    const commits = looks.from(history, from, this.#query);
    if (commits === undefined || !taker.takeCommits(commits)) return false;
    this.#cursor = history.next;
    const last = commits.at(-1);
    if (last !== undefined) this.#delivered(last);
    return true;
  }

  sleep(sleeper: WatchSleeper): boolean {
    const maySleep =
      this.#mayFollow &&
      this.#asleep === undefined &&
      this.#cursor >= this.#watched.store.history.next &&
      this.#bookmarks?.isDue !== true;
    if (!maySleep) return false;
    this.#asleep = sleeper;
    if (!this.#isRoused) this.#group.sleeping.add(this);
    this.#bookmarks?.arm();
    return true;
  }

  close(): void {
    this.#end(undefined);
  }

  fail(error: StorageError): void {
    this.#end(error);
  }

  wake(position: number): void {
    if (this.#asleep === undefined && this.#waiting === undefined) return;
    // What a look has put off lies before that position, and concerns it still.
    if (!this.#isLookDue) this.#cursor = Math.max(this.#cursor, position);
    if (this.#asleep === undefined) this.#look();
    else this.#rouse(this.#asleep);
  }

  get isAwaited(): boolean {
    return this.#waiting !== undefined || this.#asleep !== undefined;
  }

  get isAboutToBeWoken(): boolean {
    return this.#group.lastPosition >= this.#cursor;
  }

  breakSilence(): void {
    if (this.#asleep === undefined) this.#look();
    else this.#rouse(this.#asleep);
  }

  /** Wakes who sleeps, and may sleep on before this returns. */
  #rouse(sleeper: WatchSleeper): void {
    this.#asleep = undefined;
    this.#isRoused = true;
    sleeper.wake();
    this.#isRoused = false;
    if (this.#asleep === undefined && this.#waiting === undefined) this.#group.sleeping.delete(this);
  }

  get #mayFollow(): boolean {
    return !this.#busy && this.#ended === undefined && this.#phase === "following";
  }

  /** Gives the waiting consumer what there is, or else the bookmark that is due: where wakings for others never cease, its timer always finds one ahead. */
  #look(): void {
    if (this.#waiting === undefined) return;
    const batch = this.#follow();
    if (batch !== undefined || this.#cursor >= this.#watched.store.history.next) {
      this.#deliver(batch ?? (this.#bookmarks?.isDue === true ? this.#bookmark() : undefined));
      return;
    }
    this.#isLookDue = true;
    setImmediate(() => {
      this.#isLookDue = false;
      this.#look();
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return watchIterator(this);
  }

  async #take(): Promise<WatchBatch | undefined> {
    try {
      if (this.#phase === "behind" && this.#ended === undefined) await this.#catchUp();
      if (this.#phase === "snapshot" && this.#ended === undefined) {
        const batch = await this.#snapshotSlice();
        if (batch !== undefined && this.#ended === undefined) return batch;
      }
    } catch (error) {
      if (!StorageError.is(error)) throw error;
      this.fail(error);
    }
    for (;;) {
      const batch = this.#ended === undefined ? this.#follow() : undefined;
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return undefined;
      }
      if (batch !== undefined) return batch;
      if (this.#cursor >= this.#watched.store.history.next) return await this.#sleep();
      await nextTurn();
    }
  }

  /** Goes to a version that the store has reached. */
  #resume(since: MinimumPosition): void {
    const { store } = this.#watched;
    if (since.storeId !== undefined && since.storeId !== store.storeId) {
      this.fail(storeChanged(store.storeId, since.storeId));
    } else if (since.version < store.history.startVersion) {
      this.fail(historyGone(store, since.version));
    } else {
      this.#phase = "following";
      this.#cursor = store.history.positionAfter(since.version);
      this.#endDue = store.version;
    }
  }

  /** Waits for the store to get to where this watch resumes, a bounded time. */
  async #catchUp(): Promise<void> {
    const { store, clock } = this.#watched;
    const { since, signal } = this.#options;
    if (since === undefined) return;
    if (since.storeId !== undefined && since.storeId !== store.storeId) return this.#resume(since);
    const waiting = new AbortController();
    const cancel = clock.after(CATCH_UP_MS, () => waiting.abort());
    this.#catchingUp = waiting;
    try {
      await this.#watched.wait(
        since.version,
        signal === undefined ? waiting.signal : AbortSignal.any([waiting.signal, signal]),
      );
    } finally {
      cancel();
      this.#catchingUp = undefined;
    }
    if (this.#ended === undefined) this.#resume(since);
  }

  /** The next records of the snapshot; undefined when it is done. */
  async #snapshotSlice(): Promise<WatchBatch | undefined> {
    const snapshot = this.#snapshot;
    while (snapshot !== undefined && this.#ended === undefined) {
      const { store } = this.#watched;
      // No await between the choice of the live tree and the walk: a commit could come between.
      const live = store.version === snapshot.version;
      const tree = live ? store.tree : await this.#snapshotTree(snapshot.version);
      const { records, stopped, last } = tree.walk(this.#range, {
        after: snapshot.after,
        records: SNAPSHOT_SLICE_RECORDS,
        visits: SNAPSHOT_SLICE_VISITS,
      });
      snapshot.after = last;
      if (stopped === "done") this.#phase = "following";
      if (records.length > 0) return { kind: "snapshot", records };
      if (stopped === "done") return undefined;
      await nextTurn();
    }
    return undefined;
  }

  async #snapshotTree(version: Version): Promise<RecordTree> {
    try {
      return await this.#watched.treeAt(version);
    } catch (error) {
      if (!StorageError.is(error) || error.code !== "version-gone") throw error;
      throw snapshotGone(version, error);
    }
  }

  /**
   * The next batch that the history holds for this watch; undefined when there is none, when there may be one but others should go first (the
   * cursor then is not at the end), or when the watch has just ended.
   */
  #follow(): WatchBatch | undefined {
    const { history } = this.#watched.store;
    if (this.#group.lastPosition < this.#cursor) this.#cursor = history.next;
    if (this.#cursor < history.first) {
      this.fail(slowWatcher(this.#resumeVersion));
      return undefined;
    }
    for (let looked = 0; this.#cursor < history.next; looked++) {
      if (looked === COMMITS_PER_TURN) return undefined;
      const commit = history.at(this.#cursor);
      if (this.#endDue !== undefined && commit.version > this.#endDue)
        return this.#endOfSnapshot(this.#endDue);
      this.#cursor++;
      const events = matchingEvents(this.#query, commit.events);
      if (events.length > 0) return this.#delivered({ kind: "commit", version: commit.version, events });
    }
    if (this.#endDue !== undefined) return this.#endOfSnapshot(this.#endDue);
    return undefined;
  }

  #endOfSnapshot(version: Version): WatchBatch {
    this.#endDue = undefined;
    return this.#delivered({ kind: "endOfSnapshot", version });
  }

  #delivered(batch: Exclude<WatchBatch, { kind: "snapshot" }>): WatchBatch {
    this.#resumeVersion = batch.version;
    this.#bookmarks?.delivered();
    return batch;
  }

  #bookmark(): WatchBatch {
    return this.#delivered({ kind: "bookmark", version: this.#watched.store.version });
  }

  /** Waits for a batch, having seen the whole history. */
  #sleep(): Promise<WatchBatch | undefined> {
    if (this.#bookmarks?.isDue === true) return Promise.resolve(this.#bookmark());
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#group.sleeping.add(this);
      this.#bookmarks?.arm();
    });
  }

  #deliver(batch: WatchBatch | undefined): void {
    if (batch === undefined || this.#waiting === undefined) return;
    const consumer = this.#waiting;
    this.#waiting = undefined;
    this.#group.sleeping.delete(this);
    consumer.resolve(batch);
  }

  #end(error: StorageError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#watched.hub.leave(this.#query, this);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#bookmarks?.cancel();
    this.#snapshot = undefined;
    this.#catchingUp?.abort();
    const consumer = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) consumer?.resolve(undefined);
    else consumer?.reject(error);
    if (this.#asleep !== undefined) this.#rouse(this.#asleep);
  }
}
