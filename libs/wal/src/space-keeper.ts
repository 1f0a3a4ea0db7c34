import type { WalClock } from "./disk.ts";
import { isNoSpace } from "./errors.ts";
import type { WalLimits } from "./limits.ts";
import type { SegmentShelf } from "./segment-shelf.ts";
import type { SnapshotRoom } from "./snapshot-room.ts";

/** What a keeper works with, and whom it tells. */
export interface SpaceKeeperDeps {
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
  #stopped = false;
  #cancelRetry: (() => void) | undefined;

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
    const { shelf, room, limits, clock, onSpace } = this.#deps;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await shelf.dropBefore(this.#deps.firstNeededSegment());
    try {
      await room.shrink();
      while (shelf.figures.ahead < limits.segmentsAhead && !this.#stopped) await shelf.prepare();
      await room.grow();
      onSpace(true);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (await shelf.giveUpSpares()) {
        this.#again = true;
        return;
      }
      onSpace(false);
      if (this.#stopped) return;
      this.#cancelRetry = clock.after(limits.spaceRetryMs, () => void this.wake());
    }
  }
}
