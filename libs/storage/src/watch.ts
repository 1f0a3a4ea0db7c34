import type { StoredRecord, Version } from "./record.ts";

/** One change of one resource. `previous` is the record that the change replaced; a delete carries the last stored record. */
export type StoredEvent =
  | { readonly kind: "put"; readonly record: StoredRecord; readonly previous: StoredRecord | undefined }
  | { readonly kind: "delete"; readonly record: StoredRecord };

/**
 * What a watch yields. First, unless it resumes, the snapshot in slices; then `endOfSnapshot`; then one `commit` for each commit
 * that touches what is watched, whole (atomic), in order, once each, without a gap. A resumed watch yields the commits after its resume point,
 * then `endOfSnapshot` where it reaches the present. A `bookmark` says that nothing else that is watched happened up to its
 * version. The version of each of the last three is a point to resume from.
 */
export type WatchBatch =
  | { readonly kind: "snapshot"; readonly records: readonly StoredRecord[] }
  | { readonly kind: "endOfSnapshot"; readonly version: Version }
  | { readonly kind: "commit"; readonly version: Version; readonly events: readonly StoredEvent[] }
  | { readonly kind: "bookmark"; readonly version: Version };

/** A commit as a watch yields it. */
export type CommitBatch = Extract<WatchBatch, { kind: "commit" }>;

/** Who takes commits that are offered. */
export interface CommitTaker {
  /** Takes all of them, or answers false and takes none. */
  takeCommits(commits: readonly CommitBatch[]): boolean;
}

/** Who waits for a watch without a promise. */
export interface WatchSleeper {
  /** There may be something to take, or the watch is over. */
  wake(): void;
}

/**
 * An open watch: one consumer pulls batches. It holds a cursor into the store's history, no queue. It ends by `close()` (the iteration
 * then completes) or by throwing a `StorageError`: `slow-watcher` with its resume point, or `watch-closed`.
 */
export interface Watch extends AsyncIterable<WatchBatch> {
  /** The next batch; undefined once closed. Waits while there is nothing. */
  next(): Promise<WatchBatch | undefined>;
  /** The next batch where it is at hand; undefined when it has to be waited for, and when the watch is over, which `next` tells. */
  take(): WatchBatch | undefined;
  /**
   * Offers all that is at hand at once, where it is a few commits; all watches that stand at the same point offer the same object. They count as taken when the taker says so. Returns whether they were; where it does
   * not offer them, or they were not taken, they are had by `take`. This and `sleep` are told of an object, not of a function of it: a function for each of a thousand watches would be more memory to go through at each waking.
   */
  offer?(taker: CommitTaker): boolean;
  /**
   * Waits without a promise, where a watch can, once `take` has found nothing: wakes the sleeper, one time and at once, when there may be something to take or the watch is over. Returns
   * false when it cannot wait so, and then does not wake: what comes next is asked of `next`.
   */
  sleep?(sleeper: WatchSleeper): boolean;
  /** Frees the watch. May be called at any time, more than once. */
  close(): void;
}
