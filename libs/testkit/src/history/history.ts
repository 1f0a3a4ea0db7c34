import type {
  CommitResult,
  Key,
  ListOptions,
  ListResult,
  Operation,
  OwnerQuery,
  Position,
  ReadOptions,
  ReadResult,
  StorageErrorCode,
  TypeQuery,
  Version,
  WatchBatch,
} from "@trellis/storage";

/** When something began and ended, in the history's own order: moments are counted, not measured. */
export interface Span {
  readonly startedAt: number;
  /** Absent while it is under way. */
  endedAt?: number;
  /** Who did it: one client's reads never go back. */
  readonly client: string;
}

/** A commit: what it answered, or how it failed. Without both its outcome is unknown. */
export interface RecordedCommit extends Span {
  readonly kind: "commit";
  readonly operations: readonly Operation[];
  readonly evaluateOnly: boolean;
  result?: CommitResult;
  failure?: StorageErrorCode;
}

/** A read of one key. */
export interface RecordedRead extends Span {
  readonly kind: "read";
  readonly key: Key;
  readonly options: ReadOptions;
  result?: ReadResult;
}

/** A list. */
export interface RecordedList extends Span {
  readonly kind: "list";
  readonly query: TypeQuery | OwnerQuery;
  readonly options: ListOptions;
  result?: ListResult;
}

/** A watch, and what it has yielded so far. */
export interface RecordedWatch extends Span {
  readonly kind: "watch";
  readonly query: TypeQuery;
  readonly since: Version | undefined;
  readonly batches: WatchBatch[];
}

/** One thing that a client did and saw. */
export type Recorded = RecordedCommit | RecordedRead | RecordedList | RecordedWatch;

/** What clients did with one store, and what they saw of it. */
export interface History {
  /** Where the store stood before anything was done; it held nothing. */
  readonly start: Position;
  readonly recorded: Recorded[];
  /** The next moment. */
  moment(): number;
}

/** Begins a history of an empty store. */
export function createHistory(start: Position): History {
  let last = 0;
  return { start, recorded: [], moment: () => ++last };
}
