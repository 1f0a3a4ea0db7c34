import type { Clock } from "@trellis/resource";
import { StorageError, type Version } from "@trellis/storage";
import { typeString, WatchHub } from "@trellis/storage/watching";

import { CommitRing, type RingBounds } from "./commit-ring.ts";
import type { ResumingWatch, WatchedCommit } from "./resuming-watch.ts";

/** What a shared watch begins with. */
export interface SharedWatchOptions {
  readonly type: { readonly group: string; readonly kind: string };
  readonly bounds: RingBounds;
  readonly clock: Clock;
}

/** One watch at a replica, read by many here: what happens is kept once, in a bounded ring that each reads with a cursor. */
export class SharedWatch {
  readonly ring: CommitRing;
  /** Who reads it, and is told of what concerns it. Its router bounds all readers together. */
  readonly readers: WatchHub;
  readonly storeId: string;
  readonly #type: string;
  readonly #upstream: ResumingWatch;
  readonly #onEnd: () => void;
  #reached: Version;
  #failure: StorageError | undefined;

  constructor(upstream: ResumingWatch, { type, bounds, clock }: SharedWatchOptions, onEnd: () => void) {
    const { storeId = "", version } = upstream.reached;
    this.storeId = storeId;
    this.#type = typeString(type);
    this.#upstream = upstream;
    this.#reached = version;
    this.#onEnd = onEnd;
    this.ring = new CommitRing(version, bounds);
    this.readers = new WatchHub(Number.POSITIVE_INFINITY, clock);
    void this.#run();
  }

  /** Everything up to here is in the ring, or was. */
  get reached(): Version {
    return this.#reached;
  }

  /** Why the watch is over; undefined while it goes on. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Whether a reader that has seen all up to a version can go on here. */
  covers({
    storeId,
    version,
  }: {
    readonly storeId?: string | undefined;
    readonly version: Version;
  }): boolean {
    if (this.#failure !== undefined || (storeId !== undefined && storeId !== this.storeId)) return false;
    return version >= this.ring.start;
  }

  close(): void {
    this.#upstream.close();
  }

  async #run(): Promise<void> {
    try {
      for (
        let batch = await this.#upstream.next();
        batch !== undefined;
        batch = await this.#upstream.next()
      ) {
        this.#reached = batch.version;
        if (batch.kind === "commit") this.#push(batch);
      }
      this.#failure = new StorageError("watch-closed", "the backend was closed; watch again when it is back");
    } catch (error) {
      this.#failure = StorageError.is(error)
        ? error
        : new StorageError("unavailable", String(error), { cause: error });
    }
    this.#onEnd();
    this.readers.wakeAll(this.ring.next);
  }

  #push(commit: WatchedCommit): void {
    const position = this.ring.next;
    this.ring.push(commit);
    for (const { record } of commit.events) this.readers.touch(this.#type, record.key.name, position);
  }
}
