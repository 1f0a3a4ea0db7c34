import type { Append, Entry, SnapshotMark } from "./entry.ts";
import type { TornTail } from "./scan-log.ts";
import type { WalError } from "./errors.ts";

/**
 * `open`: appends are taken. `out-of-space`: reserving ahead failed; entries are refused, while hard states and snapshot marks are taken as long
 * as the reserve lasts; the log returns to `open` by itself. `stopped`: a write or sync failed; final. `closed`: by {@link Wal.close}.
 */
export type WalState = "open" | "out-of-space" | "stopped" | "closed";

/** What a log did since it was opened, and what it holds. */
export interface WalFigures {
  readonly appends: number;
  readonly entries: number;
  /** Batches: records, writes, and syncs. */
  readonly batches: number;
  readonly bytesWritten: number;
  readonly queuedAppends: number;
  readonly queuedBytes: number;
  /** Segments that hold records. */
  readonly segments: number;
  readonly segmentsAhead: number;
  readonly spareSegments: number;
  readonly segmentsCreated: number;
  readonly segmentsRecycled: number;
  readonly snapshotRoomBytes: number;
}

/** The durable log of a Raft node. What it shows is durable; what is on its way shows nowhere. */
export interface Wal {
  readonly state: WalState;
  /** Why the log stopped. */
  readonly failure: WalError | undefined;
  /** What the start found of an interrupted write, and took away. */
  readonly tornTail: TornTail | undefined;
  /** The first entry that can be read; one more than the last when the log holds none. After a start it may be lower than before. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The last hard state; undefined when there never was one. */
  readonly hardState: Uint8Array | undefined;
  /** The last snapshot mark. */
  readonly snapshot: SnapshotMark | undefined;
  /** The term of an entry, of the snapshot mark, or of the entry before the first, if the log knows it. */
  termOf(index: number): number | undefined;
  /**
   * The entries from one index to before another: at least one, then as many as `maxBytes` (default `readBytes`) allow. Those that were
   * written together share a buffer, which holds no others: copy one that is kept for long without them. Rejects with `compacted`, `invalid`,
   * `damaged`, `closed`.
   */
  read(
    range: { readonly from: number; readonly before: number },
    options?: { readonly maxBytes?: number },
  ): Promise<readonly Entry[]>;
  /**
   * Makes something durable, after everything that was appended before. Bytes must not change until the answer. Rejects with `invalid`,
   * `too-large`, `busy`, `no-space`, `stopped`, `closed`: not written; or with `outcome-unknown`.
   */
  append(append: Append): Promise<void>;
  /**
   * Gives up the entries before an index, at most one more than the durable snapshot mark's. Segments that hold nothing else are recycled in
   * the background; resolves when that is done or has to wait.
   */
  dropBefore(index: number): Promise<void>;
  /** Sets how much room is kept reserved for the next snapshot. Resolves when it was tried; the state tells the outcome. */
  reserveSnapshotRoom(bytes: number): Promise<void>;
  /** Gives the reserved room up while a snapshot is written, and reserves it again afterwards. */
  withSnapshotRoom<T>(write: () => Promise<T>): Promise<T>;
  /** How long the oldest append has been waiting to be durable, in milliseconds; 0 when none is. */
  oldestPendingMs(): number;
  figures(): WalFigures;
  /** Finishes what was accepted, marks the end, and gives the directory free. Rejects when that could not be made durable. */
  close(): Promise<void>;
}
