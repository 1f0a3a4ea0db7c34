import type { Key } from "./key.ts";
import type { CommitResult, Operation } from "./operation.ts";
import type { OwnerRef, StoredRecord, Version } from "./record.ts";
import type { Watch } from "./watch.ts";

/** Where a store stands. */
export interface Position {
  /** A ULID that tells stores apart: new after a restore from a backup and after a forced recovery. */
  readonly storeId: string;
  /** The last applied commit. */
  readonly version: Version;
}

/** What a backend can do beyond the least. A caller that needs more says so instead of failing later. */
export interface Capabilities {
  /** Several operations in one commit. */
  readonly multiOperationCommits: boolean;
  /** Linearizable reads and lists. */
  readonly strongReads: boolean;
  /** Lists at an older version, within the kept history. */
  readonly historyReads: boolean;
  /** Watches that resume after a version, within the kept history. */
  readonly resumableWatches: boolean;
  /** Data outlives the process. */
  readonly durable: boolean;
}

/** `eventual`: what this replica has applied, never older than what it showed before. `strong`: linearizable. */
export type Consistency = "eventual" | "strong";

/** A lower bound on what a read shows. */
export interface MinimumPosition {
  /** Compared when given: another store's version is `store-changed`, never a wait. */
  readonly storeId?: string | undefined;
  readonly version: Version;
}

/** Options that all calls share. */
export interface CallOptions {
  /** Ends a wait; the call then throws `aborted` (reads, watches) or `outcome-unknown` (a commit under way). */
  readonly signal?: AbortSignal | undefined;
  /**
   * Says whether `signal` is aborted, for a backend that looks now and then and waits for no event. It leaves `signal` alone then, which may be made for the first who
   * asks: that costs as much as a small commit. Who gives another signal gives no caller, or another.
   */
  readonly caller?: { readonly aborted: boolean } | undefined;
}

/** Options of reads and lists. */
export interface ReadOptions extends CallOptions {
  /** `eventual` by default. */
  readonly consistency?: Consistency | undefined;
  /** Waits until the replica is that new; the signal ends the wait with `version-not-reached`. */
  readonly minimum?: MinimumPosition | undefined;
}

/** Options of reads that wait for nothing, and so need no signal. */
export type WithoutWaiting = Omit<ReadOptions, "signal">;

/** The resources of one group and kind, in one tenancy or (with {@link WILDCARD}) across several. All group versions are meant. */
export interface TypeQuery {
  readonly group: string;
  readonly kind: string;
  readonly partition: string;
  readonly namespace: string;
  /** Only names that begin with this; empty for all. */
  readonly namePrefix?: string | undefined;
  /** Only this name. */
  readonly name?: string | undefined;
}

/** What one incarnation owns, of all types. */
export interface OwnerQuery {
  readonly owner: OwnerRef;
}

/** Options of lists. */
export interface ListOptions extends ReadOptions {
  /** Shows the store as of this version; `version-gone` when it is no longer kept, `invalid` when it is in the future. */
  readonly atVersion?: Version | undefined;
  /** At most this many records; all when absent. */
  readonly limit?: number | undefined;
  /** Continues after this key. */
  readonly after?: Key | undefined;
}

/** A list, in byte order of (group, kind, partition, namespace, name). */
export interface ListResult {
  readonly records: readonly StoredRecord[];
  /** Whether records follow the last one. */
  readonly more: boolean;
  /** The version that the list shows. */
  readonly position: Position;
}

/** One record, or none. */
export interface ReadResult {
  readonly record: StoredRecord | undefined;
  readonly position: Position;
}

/** Options of commits. */
export interface CommitOptions extends CallOptions {
  /** Evaluates the preconditions against current state and stores nothing. */
  readonly evaluateOnly?: boolean | undefined;
}

/** Options of watches. */
export interface WatchOptions extends CallOptions {
  /** Resumes after this version instead of starting with a snapshot; `history-gone` when the history does not reach back so far. */
  readonly since?: MinimumPosition | undefined;
  /** The longest silence before a bookmark, in milliseconds; no periodic bookmarks when absent. */
  readonly bookmarkIntervalMs?: number | undefined;
}

/**
 * The contract of storage (DESIGN §4): atomic commits with preconditions, ordered lists, ordered resumable watches. Between a watch and
 * an eventual read on the same backend, reads are monotonic: after an event was delivered no read shows anything older.
 */
export interface Backend {
  readonly capabilities: Capabilities;
  /** Where this replica stands, without waiting. */
  position(): Position;
  /** Reads one record by key. Throws `unavailable`, `store-changed`, `version-not-reached`, `aborted`. */
  read(key: Key, options?: ReadOptions): Promise<ReadResult>;
  /** A read at once, for a backend that has what it shows in this process; undefined where `read` would have to wait. Throws as `read`. */
  readonly readNow?: ((key: Key, options?: WithoutWaiting) => ReadResult | undefined) | undefined;
  /** Lists records. Throws as `read`, and `version-gone`, `invalid`. */
  list(query: TypeQuery | OwnerQuery, options?: ListOptions): Promise<ListResult>;
  /**
   * Evaluates the operations in order and applies all or none of them as one version. Throws `invalid` for a commit that breaks a
   * limit or names a key in two mutations, `unavailable`, `resource-exhausted` or `no-space` (not applied), `outcome-unknown`.
   */
  commit(operations: readonly Operation[], options?: CommitOptions): Promise<CommitResult>;
  /** Opens a watch. Throws `history-gone`, `store-changed`, `unavailable` here or at the first `next`. */
  watch(query: TypeQuery, options?: WatchOptions): Watch;
  /** Ends all watches and frees everything. */
  close(): Promise<void>;
}
