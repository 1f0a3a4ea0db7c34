import type { Disk, WalClock } from "./disk.ts";
import { isNoSpace } from "./errors.ts";
import type { WalLimits } from "./limits.ts";
import type { SegmentShelf } from "./segment-shelf.ts";
import type { SnapshotRoom } from "./snapshot-room.ts";

/** What a keeper works with, and whom it tells. */
export interface SpaceKeeperDeps {
  readonly disk: Disk;
  readonly shelf: SegmentShelf;
  readonly room: SnapshotRoom;
  readonly limits: WalLimits;
  readonly clock: WalClock;
  /** The first segment that is still needed. */
  readonly firstNeededSegment: () => number;
  /** Reserving succeeded or failed for want of space. */
  readonly onSpace: (isEnough: boolean) => void;
  /** The disk failed. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Keeps space reserved ahead, in the background and one step at a time: drops what is no longer needed, prepares segments, fills the room for
 * the next snapshot. When there is no space it says so and tries again, at the latest after `spaceRetryMs`.
 */
export class SpaceKeeper {
  readonly #deps: SpaceKeeperDeps;
  #running: Promise<void> | undefined;
  #again = false;
  #hadSpace = true;
  #stopped = false;
  #cancelRetry: (() => void) | undefined;
  #onPrepared: (() => void) | undefined;

  constructor(deps: SpaceKeeperDeps) {
    this.#deps = deps;
  }

  /** Looks at once what is to be done. Resolves when it is done, or cannot be done now; never rejects. */
  async wake(): Promise<void> {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#run();
    await this.#running;
  }

  /** Asks for a segment to be prepared. Resolves when one is, before the rest is done; or when that cannot be now. For one caller at a time. */
  async prepareSegment(): Promise<void> {
    const prepared = new Promise<void>((resolve) => {
      this.#onPrepared = resolve;
    });
    await Promise.race([this.wake(), prepared]);
    this.#onPrepared = undefined;
  }

  /** Ends the work. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#pass();
      }
    } catch (error) {
      this.#stopped = true;
      this.#deps.onFailure(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #pass(): Promise<void> {
    const { shelf, limits, clock, onSpace } = this.#deps;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await shelf.dropBefore(this.#deps.firstNeededSegment());
    const isEnough = await this.#reserve();
    // Interrupted, it says nothing.
    if (this.#stopped) return;
    if (isEnough) {
      this.#hadSpace = true;
      onSpace(true);
      return;
    }
    this.#hadSpace = false;
    if (await shelf.giveUpSpares()) {
      this.#again = true;
      return;
    }
    onSpace(false);
    if (this.#stopped) return;
    this.#cancelRetry = clock.after(limits.spaceRetryMs, () => void this.wake());
  }

  /**
   * Reserves all that is wanted. Answers false when there is not enough space; rejects when the disk failed. One segment comes first, since a
   * snapshot's mark needs it, then the snapshot's room, which is how space is won back; appends that come to need a segment do not wait for all of it.
   */
  async #reserve(): Promise<boolean> {
    const { shelf, room, limits } = this.#deps;
    try {
      await room.shrink();
      while (!this.#stopped) {
        if (!(await this.#prepare(1))) return false;
        if (await room.grow(() => !this.#stopped && shelf.figures.ahead > 0)) break;
      }
      return await this.#prepare(limits.segmentsAhead);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      return false;
    }
  }

  /** Prepares until there are so many segments ahead; answers false when the space for them is a snapshot's. */
  async #prepare(segments: number): Promise<boolean> {
    const { shelf } = this.#deps;
    while (shelf.figures.ahead < segments && !this.#stopped) {
      if (!(await this.#mayPrepare())) return false;
      await shelf.prepare();
      this.#onPrepared?.();
    }
    return true;
  }

  /**
   * Whether one more segment leaves a snapshot that is being written the room that was given up for it. What the snapshot has written already is
   * held back once more, since nobody tells the log how much that is; recycling takes no space. A disk that does not tell how much is free is trusted
   * to have some until it had none.
   */
  async #mayPrepare(): Promise<boolean> {
    const { disk, shelf, room, limits } = this.#deps;
    if (room.lentBytes === 0 || shelf.figures.spares > 0) return true;
    const freeBytes = await disk.freeBytes?.();
    return freeBytes === undefined ? this.#hadSpace : freeBytes >= room.lentBytes + limits.segmentBytes;
  }
}
