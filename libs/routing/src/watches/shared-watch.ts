import type { Clock } from "@trellis/resource";
import { StorageError, type Version, wakeDelayMs } from "@trellis/storage";

import { CommitRing, type RingBounds } from "./commit-ring.ts";
import type { ResumingWatch } from "./resuming-watch.ts";

/** Who reads a shared watch. */
export interface Reader {
  /** There is something new to look at. */
  wake(): void;
}

/** One watch at a replica, read by many here: what happens is kept once, in a bounded ring that each reads with a cursor. */
export class SharedWatch {
  readonly ring: CommitRing;
  readonly readers = new Set<Reader>();
  readonly storeId: string;
  readonly #upstream: ResumingWatch;
  readonly #onEnd: () => void;
  readonly #clock: Clock;
  #isWakeDue = false;
  #reached: Version;
  #failure: StorageError | undefined;

  constructor(
    upstream: ResumingWatch,
    { bounds, clock }: { readonly bounds: RingBounds; readonly clock: Clock },
    onEnd: () => void,
  ) {
    const { storeId = "", version } = upstream.reached;
    this.storeId = storeId;
    this.#upstream = upstream;
    this.#reached = version;
    this.#onEnd = onEnd;
    this.#clock = clock;
    this.ring = new CommitRing(version, bounds);
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
        if (batch.kind === "commit") this.ring.push(batch);
        this.#reached = batch.version;
        this.#wake();
      }
      this.#failure = new StorageError("watch-closed", "the backend was closed; watch again when it is back");
    } catch (error) {
      this.#failure = StorageError.is(error)
        ? error
        : new StorageError("unavailable", String(error), { cause: error });
    }
    this.#onEnd();
    this.#wake();
  }

  #wake(): void {
    if (this.#isWakeDue) return;
    const delayMs = wakeDelayMs(this.readers.size);
    if (delayMs === 0) return this.#wakeAll();
    this.#isWakeDue = true;
    this.#clock.after(delayMs, () => this.#wakeAll());
  }

  #wakeAll(): void {
    this.#isWakeDue = false;
    for (const reader of this.readers) reader.wake();
  }
}
