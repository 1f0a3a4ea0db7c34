/** A log that is measured: entries with consecutive indexes, of which the older ones are given up. */
export interface LogStore {
  /** Makes entries durable together: after this a power failure takes none of them. The first one's index follows the last one's before. */
  append(firstIndex: number, entries: readonly Uint8Array[]): Promise<void>;
  /** Gives up the entries before an index. */
  dropBefore(index: number): Promise<void>;
  close(): Promise<void>;
}

/** A kind of log, by the name that the table gives it. */
export interface LogStoreKind {
  readonly name: string;
  /** Opens a new log in an empty directory. */
  readonly open: (directory: string) => Promise<LogStore>;
}
