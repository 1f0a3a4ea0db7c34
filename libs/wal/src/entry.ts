/** One entry of the Raft log. The log neither reads nor changes its bytes. */
export interface Entry {
  /** Position in the Raft log, from 1. */
  readonly index: number;
  /** The term of the leader that made it; never falls from one entry to the next. */
  readonly term: number;
  readonly bytes: Uint8Array;
}

/** The position up to which a durable snapshot, which the log knows nothing else about, replaces the entries. */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
}

/** What one append makes durable, all of it or nothing. At least one of the three is given. */
export interface Append {
  /**
   * Consecutive entries. The first follows the last entry of the log, or overwrites: then every stored entry from that index on is gone, in
   * the same moment.
   */
  readonly entries?: readonly Entry[];
  /** The new hard state (term, vote, commit index), encoded by the caller. The log keeps the last one. */
  readonly hardState?: Uint8Array;
  /**
   * A snapshot that is durable already. One that this node took (the default) names an entry of the log, and changes no entry; `installed`
   * from elsewhere empties the log, whose next entry then follows it. It takes effect before the entries of the same append.
   */
  readonly snapshot?: SnapshotMark & { readonly installed?: boolean };
}
