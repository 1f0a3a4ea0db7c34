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
} from "@trellis/storage/watching";

import type { Marks } from "../calls/mark.ts";
import type { Reads } from "../calls/reads.ts";
import type { ResumingWatch, WatchedCommit } from "./resuming-watch.ts";
import type { SharedWatch } from "./shared-watch.ts";
import type { SharedWatches } from "./shared-watches.ts";
import { SnapshotPages } from "./snapshot-pages.ts";

/** What a watch works with. */
export interface RoutedWatchDeps {
  readonly clock: Clock;
  readonly reads: Reads;
  readonly shared: SharedWatches;
  readonly mark: Marks;
  readonly onEnd: (watch: RoutedWatch) => void;
}

/** What is read once the present is reached, and who is told of the same. */
interface Followed {
  readonly shared: SharedWatch;
  readonly group: WatchGroup;
}

/**
 * One reader's watch. Its snapshot is a list in pages of one version, so that a replica lost in the middle is replaced by any that has the version; then it
 * reads the shared watch of its scope. One that resumes from before the shared watch reads its own until it gets there.
 */
export class RoutedWatch implements Watch, Sleeper, BookmarkedWatch {
  // What a waking goes through stands first, side by side in memory, as in a store's watch.
  /** Who waits without a promise. */
  #asleep: WatchSleeper | undefined;
  /** Wakes who waits by a promise. */
  #wakeUp: (() => void) | undefined;
  /** Whether it is being woken, and still among those who sleep. */
  #isRoused = false;
  #isBusy = false;
  /** The position in the shared watch of the next commit to look at. */
  #cursor = 0;
  #followed: Followed | undefined;
  #query: TypeQuery;
  #ended: { readonly error: StorageError | undefined } | undefined;
  /** Where a resumed watch reaches the present. */
  #endDue: Version | undefined;
  /** All up to here was delivered. */
  #since: MinimumPosition | undefined;
  /** Where it began to read the shared watch, which may have to get there yet. */
  #joinedAt = 0;
  /** Undefined where it was asked for no bookmarks. */
  readonly #bookmarks: BookmarkTimer | undefined;
  readonly #deps: RoutedWatchDeps;
  readonly #options: WatchOptions;
  readonly #closing = new AbortController();
  readonly #onAbort = (): void =>
    this.fail(new StorageError("aborted", "the caller ended the watch by its signal"));
  /** Undefined once the snapshot was read. */
  #snapshot: SnapshotPages | undefined;
  #alone: ResumingWatch | undefined;
  #isEndDelivered: boolean;

  constructor(deps: RoutedWatchDeps, query: TypeQuery, options: WatchOptions) {
    this.#deps = deps;
    this.#query = { ...query };
    this.#options = options;
    const { since, bookmarkIntervalMs: intervalMs, signal } = options;
    this.#since = since;
    this.#isEndDelivered = since === undefined;
    this.#snapshot = since === undefined ? new SnapshotPages(deps, this.#query) : undefined;
    const { clock } = deps;
    this.#bookmarks = intervalMs === undefined ? undefined : new BookmarkTimer({ clock, intervalMs }, this);
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async next(): Promise<WatchBatch | undefined> {
    if (this.#isBusy || this.#asleep !== undefined) {
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
    const followed = this.#mayFollow();
    return followed === undefined ? undefined : this.#fromRing(followed);
  }

  offer(taker: CommitTaker): boolean {
    const followed = this.#mayFollow();
    if (followed === undefined || this.#endDue !== undefined) return false;
    const { ring } = followed.shared;
    const from = this.#cursor;
    if (from >= ring.next || ring.at(from).version <= this.#joinedAt) return false;
    const commits = followed.group.looks.from(ring, from, this.#query);
    if (commits === undefined || !taker.takeCommits(commits)) return false;
    this.#cursor = ring.next;
    const last = commits.at(-1);
    if (last !== undefined) this.#delivered(last);
    return true;
  }

  sleep(sleeper: WatchSleeper): boolean {
    const followed = this.#mayFollow();
    if (followed === undefined || this.#endDue !== undefined || this.#asleep !== undefined) return false;
    const { shared, group } = followed;
    if (this.#cursor < shared.ring.next || shared.failure !== undefined) return false;
    if (this.#bookmarks?.isDue === true) return false;
    this.#asleep = sleeper;
    if (!this.#isRoused) group.sleeping.add(this);
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
    if (this.#asleep === undefined && this.#wakeUp === undefined) return;
    this.#cursor = Math.max(this.#cursor, position);
    this.#rouse();
  }

  get isAwaited(): boolean {
    return this.#asleep !== undefined || this.#wakeUp !== undefined;
  }

  get isAboutToBeWoken(): boolean {
    return this.#followed !== undefined && this.#followed.group.lastPosition >= this.#cursor;
  }

  breakSilence(): void {
    this.#rouse();
  }

  /** Wakes who waits, who may sleep on before this returns. */
  #rouse(): void {
    const wakeUp = this.#wakeUp;
    const asleep = this.#asleep;
    this.#wakeUp = undefined;
    this.#asleep = undefined;
    this.#isRoused = true;
    asleep?.wake();
    this.#isRoused = false;
    if (this.#asleep === undefined && this.#wakeUp === undefined) this.#followed?.group.sleeping.delete(this);
    wakeUp?.();
  }

  /** What it follows where that can be told at once: undefined before it has come to the present, while somebody waits, where it has fallen behind, and at the end. */
  #mayFollow(): Followed | undefined {
    const followed = this.#followed;
    if (followed === undefined || this.#isBusy || this.#ended !== undefined || this.#since === undefined)
      return undefined;
    this.#passOver(followed);
    return this.#cursor < followed.shared.ring.first ? undefined : followed;
  }

  /** Goes past what concerns others. */
  #passOver({ shared, group }: Followed): void {
    if (group.lastPosition < this.#cursor) this.#cursor = shared.ring.next;
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
    if (this.#followed !== undefined) return await this.#follow(this.#followed, since);
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
  async #slice(pages: SnapshotPages): Promise<WatchBatch | undefined> {
    const { records, more, position } = await pages.next(this.#closing.signal);
    if (this.#ended !== undefined) return undefined;
    this.#since = position;
    if (!more) this.#endSnapshot(records.length === 0);
    if (records.length > 0) return { kind: "snapshot", records };
    return more ? undefined : this.#delivered({ kind: "endOfSnapshot", version: position.version });
  }

  /** The snapshot is complete: what follows it is kept from now on. */
  #endSnapshot(isEndDelivered: boolean): void {
    const { shared } = this.#deps;
    const since = this.#since;
    this.#snapshot = undefined;
    if (since === undefined) return;
    if (!this.#enter(since)) {
      const alone = shared.alone(this.#query, since);
      this.#use(shared.share(this.#query, alone), since);
      if (this.#followed === undefined) this.#alone = alone;
    }
    this.#isEndDelivered = isEndDelivered;
    this.#endDue = isEndDelivered ? undefined : since.version;
  }

  /** Reads the shared watch, if it has what this one needs. */
  #enter(since: MinimumPosition): boolean {
    const shared = this.#deps.shared.find(this.#query, since);
    // What lies ahead of it is waited for at a replica, which says when there is no such version.
    if (shared !== undefined && !this.#isEndDelivered && since.version > shared.reached) return false;
    this.#use(shared, since);
    return shared !== undefined;
  }

  #use(shared: SharedWatch | undefined, since: MinimumPosition): void {
    if (shared === undefined) return;
    const group = this.#deps.shared.enter(shared, this.#query, this);
    this.#query = group.looks.queryOf(this.#query);
    this.#followed = { shared, group };
    this.#cursor = shared.ring.positionAfter(since.version);
    this.#joinedAt = since.version;
    if (!this.#isEndDelivered) this.#endDue = shared.reached;
  }

  /** Reads its own watch, until the shared one has what comes next. */
  async #catchUp(alone: ResumingWatch): Promise<WatchBatch | undefined> {
    const batch = await alone.next();
    if (this.#ended !== undefined) return undefined;
    if (batch === undefined) {
      this.fail(new StorageError("watch-closed", "the backend was closed; watch again"));
      return undefined;
    }
    this.#since = alone.reached;
    if (batch.kind === "commit") return this.#matching(batch);
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
    this.#use(shared.share(this.#query, alone), since);
    if (this.#followed !== undefined) this.#alone = undefined;
  }

  async #follow(followed: Followed, since: MinimumPosition): Promise<WatchBatch | undefined> {
    const { shared } = followed;
    this.#passOver(followed);
    if (this.#cursor < shared.ring.first) {
      const { version } = since;
      throw new StorageError(
        "slow-watcher",
        `the watch read so slowly that what happened after version ${version} is not kept here; resume after it and read faster`,
        { resumeVersion: version },
      );
    }
    const batch = this.#fromRing(followed);
    if (batch !== undefined) return batch;
    if (shared.failure !== undefined) throw shared.failure;
    return await this.#sleep(followed, since);
  }

  /** What the ring has for this watch; undefined when there is nothing more. */
  #fromRing({ shared: { ring } }: Followed): WatchBatch | undefined {
    while (this.#cursor < ring.next) {
      const commit = ring.at(this.#cursor);
      if (this.#endDue !== undefined && commit.version > this.#endDue)
        return this.#endOfSnapshot(this.#endDue);
      this.#cursor++;
      if (commit.version <= this.#joinedAt) continue;
      const batch = this.#matching(commit);
      if (batch !== undefined) return batch;
    }
    return this.#endDue === undefined ? undefined : this.#endOfSnapshot(this.#endDue);
  }

  #endOfSnapshot(version: Version): WatchBatch {
    this.#endDue = undefined;
    this.#isEndDelivered = true;
    return this.#delivered({ kind: "endOfSnapshot", version });
  }

  #matching({ version, events }: WatchedCommit): WatchBatch | undefined {
    const found = matchingEvents(this.#query, events);
    return found.length === 0 ? undefined : this.#delivered({ kind: "commit", version, events: found });
  }

  #delivered(batch: Exclude<WatchBatch, { kind: "snapshot" }>): WatchBatch {
    const { mark } = this.#deps;
    const storeId = this.#followed?.shared.storeId ?? this.#alone?.reached.storeId ?? this.#since?.storeId;
    const { version } = batch;
    if (storeId === undefined) {
      this.#since = { storeId, version };
    } else {
      const position = { storeId, version };
      this.#since = position;
      mark.shows(position);
    }
    this.#bookmarks?.delivered();
    return batch;
  }

  /** Waits until there is something new; a bookmark when the silence gets too long. */
  async #sleep({ shared, group }: Followed, since: MinimumPosition): Promise<WatchBatch | undefined> {
    if (this.#bookmarks?.isDue === true) {
      const version = shared.reached > since.version ? shared.reached : since.version;
      return this.#delivered({ kind: "bookmark", version });
    }
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
      group.sleeping.add(this);
      this.#bookmarks?.arm();
    });
    return undefined;
  }

  #end(error: StorageError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#closing.abort();
    this.#alone?.close();
    if (this.#followed !== undefined) this.#deps.shared.leave(this.#followed.shared, this.#query, this);
    this.#bookmarks?.cancel();
    this.#snapshot = undefined;
    this.#deps.onEnd(this);
    this.#rouse();
  }
}
