import { AppendQueue, type PendingAppend } from "./append-queue.ts";
import { checkAppend } from "./check-append.ts";
import type { Disk, DiskLock, WalClock } from "./disk.ts";
import type { Append, Entry, SnapshotMark } from "./entry.ts";
import { readEntries } from "./entry-reader.ts";
import { WalError } from "./errors.ts";
import type { Extents } from "./extents.ts";
import { gather } from "./gather.ts";
import type { WalLimits } from "./limits.ts";
import { dropBefore, type LogTail, termAt } from "./log-tail.ts";
import { LogWriter, outcomeUnknown } from "./log-writer.ts";
import type { Link } from "./record.ts";
import type { TornTail } from "./scan-log.ts";
import type { SegmentShelf } from "./segment-shelf.ts";
import type { SnapshotRoom } from "./snapshot-room.ts";
import { SpaceKeeper } from "./space-keeper.ts";
import type { Wal, WalFigures, WalState } from "./wal.ts";

/** What a log is made of once its files were read. */
export interface OpenLogParts {
  readonly disk: Disk;
  readonly lock: DiskLock;
  readonly clock: WalClock;
  readonly limits: WalLimits;
  readonly onState: ((state: WalState) => void) | undefined;
  readonly shelf: SegmentShelf;
  readonly room: SnapshotRoom;
  readonly extents: Extents;
  readonly tail: LogTail;
  readonly link: Link;
  readonly isSealed: boolean;
  readonly tornTail: TornTail | undefined;
}

/** The log at work: takes appends, forms batches while one is on its way to the disk, and tells of what is durable. */
export class OpenLog implements Wal {
  readonly tornTail: TornTail | undefined;
  readonly #parts: OpenLogParts;
  readonly #keeper: SpaceKeeper;
  readonly #writer: LogWriter;
  readonly #queue = new AppendQueue();
  #state: WalState = "open";
  #failure: WalError | undefined;
  /** The log with all that was accepted; what the next append has to follow. */
  #accepted: LogTail;
  #durable: LogTail;
  /** Entries before it were given up. */
  #dropIndex = 1;
  #batch: readonly PendingAppend[] = [];
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #counts = { appends: 0, entries: 0, batches: 0 };

  constructor(parts: OpenLogParts) {
    this.#parts = parts;
    this.tornTail = parts.tornTail;
    this.#accepted = parts.tail;
    this.#durable = parts.tail;
    this.#writer = new LogWriter(parts);
    this.#keeper = new SpaceKeeper({
      ...parts,
      firstNeededSegment: () => this.#firstNeededSegment(),
      onSpace: (isEnough) => this.#setState(isEnough ? "open" : "out-of-space"),
      onFailure: (error) => this.#stop(error),
    });
  }

  /** Reserves space for the first time. Resolves when that succeeded, or failed for want of space. */
  async start(): Promise<void> {
    await this.#keeper.wake();
  }

  get state(): WalState {
    return this.#state;
  }

  get failure(): WalError | undefined {
    return this.#failure;
  }

  get firstIndex(): number {
    return this.#durable.firstIndex;
  }

  get lastIndex(): number {
    return this.#durable.lastIndex;
  }

  get hardState(): Uint8Array | undefined {
    return this.#durable.hardState;
  }

  get snapshot(): SnapshotMark | undefined {
    return this.#durable.snapshot;
  }

  termOf(index: number): number | undefined {
    return termAt(this.#durable, index);
  }

  async read(
    { from, before }: { readonly from: number; readonly before: number },
    { maxBytes = this.#parts.limits.readBytes }: { readonly maxBytes?: number } = {},
  ): Promise<readonly Entry[]> {
    const { disk, shelf, extents } = this.#parts;
    if (this.#state === "closed") throw closedError();
    const { firstIndex, lastIndex } = this.#durable;
    if (from < firstIndex && from >= 1) {
      throw new WalError(
        "compacted",
        `the log begins with entry ${firstIndex}, entry ${from} was dropped behind a snapshot`,
      );
    }
    if (!(from <= before && before <= lastIndex + 1)) {
      throw new WalError(
        "invalid",
        `the log holds entries ${firstIndex} to ${lastIndex}, found ${from} to before ${before}`,
      );
    }
    const found = extents.range(from, before, maxBytes);
    const unpin = shelf.pin([...new Set(found.map(({ segment }) => segment))]);
    try {
      return await readEntries(disk, found, (number) => shelf.identityOf(number), { from, before, maxBytes });
    } catch (error) {
      // Another opener may have written over it since.
      throw this.state === "closed" ? closedError() : error;
    } finally {
      if (unpin()) void this.#keeper.wake();
    }
  }

  async append(append: Append): Promise<void> {
    const { limits, clock } = this.#parts;
    this.#refuseIfOver();
    if (this.#state === "out-of-space" && (append.entries?.length ?? 0) > 0) throw noSpaceError();
    const checked = checkAppend(append, this.#accepted, limits);
    if (
      this.#queue.length >= limits.queuedAppends ||
      this.#queue.bytes + checked.bytes > limits.queuedBytes
    ) {
      throw new WalError(
        "busy",
        `${this.#queue.length} appends of ${this.#queue.bytes} bytes wait for the disk (queuedAppends, queuedBytes); wait for one of them`,
      );
    }
    this.#accepted = checked.tailAfter;
    await new Promise<void>((resolve, reject) => {
      this.#queue.add({ ...checked, sinceMs: clock.monotonic(), resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      // Lets the appends of this turn join the first batch.
      await Promise.resolve();
      while (this.#queue.length > 0 && this.#failure === undefined) {
        await gather(this.#queue, this.#parts.clock);
        // It may have stopped meanwhile, and what waited was told.
        if (this.#failure === undefined) await this.#writeBatch();
      }
    } catch (error) {
      this.#stop(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#queue.take(this.#parts.limits.batchBytes);
    this.#batch = batch;
    const items = batch.flatMap((append) => append.items);
    if (!this.#writer.fits(items, this.#durable) && !(await this.#nextSegment())) {
      this.#refuseForSpace();
      return;
    }
    if (this.#failure !== undefined) return;
    const { lastSegment } = this.#writer;
    const { placed, place } = await this.#writer.write(items, this.#durable);
    for (const { item, offset } of placed) this.#parts.extents.apply(item, offset, place);
    const last = batch.at(-1);
    if (last !== undefined) this.#durable = dropBefore(last.tailAfter, this.#dropIndex);
    this.#batch = [];
    this.#count(batch);
    for (const { resolve } of batch) resolve();
    // Only now is what the segments before it said of the hard state and the mark said again.
    if (place.segment !== lastSegment) void this.#keeper.wake();
  }

  /** Goes on to a prepared segment, waiting for one that is being prepared. Answers false when there is no space for one. */
  async #nextSegment(): Promise<boolean> {
    const { shelf } = this.#parts;
    if (await shelf.rotate()) return true;
    await this.#keeper.prepareSegment();
    return await shelf.rotate();
  }

  /** Nothing that waits can be written: it is as if it had never been accepted. */
  #refuseForSpace(): void {
    const refused = [...this.#batch, ...this.#queue.clear()];
    this.#batch = [];
    this.#accepted = this.#durable;
    for (const { reject } of refused) reject(this.#failure ?? noSpaceError());
  }

  #count(batch: readonly PendingAppend[]): void {
    this.#counts.batches++;
    this.#counts.appends += batch.length;
    for (const { items } of batch) {
      for (const item of items) if (item.kind === "entries") this.#counts.entries += item.entries.length;
    }
  }

  async dropBefore(index: number): Promise<void> {
    this.#refuseIfOver();
    const limit = (this.#durable.snapshot?.index ?? 0) + 1;
    if (!Number.isSafeInteger(index) || index > limit) {
      throw new WalError(
        "invalid",
        `entries are dropped behind a durable snapshot mark: before ${limit} at the latest, found ${index}`,
      );
    }
    if (index > this.#dropIndex) {
      this.#dropIndex = index;
      this.#durable = dropBefore(this.#durable, index);
      this.#accepted = dropBefore(this.#accepted, index);
      this.#parts.extents.dropBefore(index);
    }
    await this.#keeper.wake();
  }

  /** The hard state and the snapshot mark are stated again at the beginning of every segment, so only entries keep one. */
  #firstNeededSegment(): number {
    const last = this.#writer.lastSegment;
    return Math.min(last, this.#parts.extents.segmentOf(this.#durable.firstIndex) ?? last);
  }

  async reserveSnapshotRoom(bytes: number): Promise<void> {
    this.#refuseIfOver();
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new WalError("invalid", `the room for a snapshot is a whole number of bytes, found ${bytes}`);
    }
    this.#parts.room.want(bytes);
    await this.#keeper.wake();
  }

  async withSnapshotRoom<T>(write: () => Promise<T>): Promise<T> {
    this.#refuseIfOver();
    const giveBack = this.#parts.room.lend();
    try {
      await this.#keeper.wake();
      return await write();
    } finally {
      giveBack();
      void this.#keeper.wake();
    }
  }

  oldestPendingMs(): number {
    const sinceMs = this.#batch[0]?.sinceMs ?? this.#queue.oldestSinceMs;
    return sinceMs === undefined ? 0 : this.#parts.clock.monotonic() - sinceMs;
  }

  figures(): WalFigures {
    const { sealed, ahead, spares, created, recycled } = this.#parts.shelf.figures;
    return {
      ...this.#counts,
      bytesWritten: this.#writer.bytesWritten,
      queuedAppends: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      segments: sealed + 1,
      segmentsAhead: ahead,
      spareSegments: spares,
      segmentsCreated: created,
      segmentsRecycled: recycled,
      snapshotRoomBytes: this.#parts.room.bytes,
    };
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const { shelf, lock } = this.#parts;
    try {
      await this.#running;
      await this.#keeper.stop();
      await this.#seal();
    } finally {
      this.#setState("closed");
      try {
        await shelf.close();
      } finally {
        await lock.release();
      }
    }
  }

  /**
   * Ends the log with an empty record, which proves that the one before it was durable: whatever happens to it while nobody runs is then known
   * for damage. Where there is no room for it, it is left out.
   */
  async #seal(): Promise<void> {
    if (this.#failure !== undefined || this.#writer.isSealed || !this.#writer.fits([], this.#durable)) return;
    try {
      await this.#writer.write([], this.#durable);
    } catch (error) {
      this.#stop(error);
      throw outcomeUnknown(error);
    }
  }

  #refuseIfOver(): void {
    if (this.#closing !== undefined) throw closedError();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #setState(state: WalState): void {
    if (this.#state === state || this.#state === "closed") return;
    if (this.#state === "stopped" && state !== "closed") return;
    this.#state = state;
    const { onState } = this.#parts;
    // Apart, so that what the listener does or throws is not in the middle of the log's own work.
    if (onState !== undefined) queueMicrotask(() => onState(state));
  }

  /** The disk failed, or the log found a mistake of its own: nothing is written after this. */
  #stop(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = new WalError(
      "stopped",
      "the log stopped when its disk failed; nothing more is written. Look at the disk, then start again",
      {
        cause,
      },
    );
    this.#setState("stopped");
    const [batch, queued] = [this.#batch, this.#queue.clear()];
    this.#batch = [];
    this.#accepted = this.#durable;
    for (const { reject } of batch) reject(outcomeUnknown(cause));
    for (const { reject } of queued) reject(this.#failure);
    void this.#keeper.stop();
  }
}

function noSpaceError(): WalError {
  return new WalError(
    "no-space",
    "there is no space left to reserve for the log and the next snapshot; nothing was written. Free space on the disk: the log goes on by itself",
  );
}

function closedError(): WalError {
  return new WalError("closed", "the log was closed; open it again");
}
