import {
  type ConfState,
  type Entry,
  type HardState,
  type LogIndex,
  type NodeId,
  type Snapshot,
  type Storage,
  type Term,
  unread,
} from "@trellis/raft";

import { EntryRun } from "./entry-run.ts";
import { invariant } from "./invariant.ts";
import { LogOutline, type LogPlace } from "./log-outline.ts";

const noData = new Uint8Array();
/** The share of the bound that is given up at once when it is reached: less work than little by little. */
const GIVEN_UP_SHARE = 1 / 8;
/** The share of the bound that the last entries have which stay although nobody needs them: a member may turn out to lack a few. */
const KEPT_SHARE = 1 / 64;
/** The share of the bound that comes in before it is found out again what nobody needs: less work than with each entry. */
const GROWTH_SHARE = 1 / 256;
/** The share of the bound that is read at once. */
const READ_SHARE = 1 / 4;
/** Places at which entries are to be read; what is asked for beyond is asked for again. More than a cluster has members. */
const MAX_WANTED = 64;

/** Where a log window begins. */
export interface WindowStart {
  readonly hardState: HardState;
  /** The configuration at the snapshot. */
  readonly confState: ConfState;
  /** The newest snapshot: index and term 0 when there is none. */
  readonly snapshot: LogPlace;
  /** The entry before the first one of the log. */
  readonly before: LogPlace;
}

export interface WindowOptions {
  /** Bytes of the last entries that stay in memory, at most, and of older ones that were read. */
  readonly memoryBytes: number;
  readonly onSnapshotWanted: () => void;
}

/**
 * The durable log as the core reads it, synchronously: an outline of all of it, from where it was last compacted to its end, and the last entries, as far
 * back as somebody needs them: what is let go of soon dies young, and costs the garbage collector next to nothing. Older ones are on disk only. When the core asks for those (a member is far behind, or much is to be applied) the window notes it, a `LogReader` reads some of
 * them, and they stay until the core has taken them and the next ones are there: members that are behind at the same place cost the reads of one.
 */
export class LogWindow implements Storage {
  #hardState: HardState;
  #initialConfState: ConfState;
  #confState: ConfState;
  #snapshot: LogPlace;
  #outline: LogOutline;
  /** The last entries. */
  #tail: EntryRun;
  /** Bytes that were appended since it was last found out what nobody needs. */
  #newBytes = 0;
  /** Older ones that were read, in the order in which they were read. */
  #older: EntryRun[] = [];
  /** Those of which somebody has taken the last entry: they go when the next ones are there. */
  readonly #taken = new WeakSet<EntryRun>();
  /** Where entries are to be read, in the order in which they were asked for. */
  readonly #wanted = new Set<LogIndex>();
  /** Where they are being read. */
  #reading: LogIndex | undefined;
  readonly #options: WindowOptions;

  constructor(start: WindowStart, options: WindowOptions) {
    this.#hardState = start.hardState;
    this.#initialConfState = start.confState;
    this.#confState = start.confState;
    this.#snapshot = start.snapshot;
    this.#outline = new LogOutline(start.before);
    this.#tail = new EntryRun(start.before.index + 1);
    this.#options = options;
  }

  /** The newest snapshot: index and term 0 when there is none. */
  get newestSnapshot(): LogPlace {
    return this.#snapshot;
  }

  /** Bytes of the entries that are in memory. */
  get bytes(): number {
    return this.#older.reduce((bytes, run) => bytes + run.bytes, this.#tail.bytes);
  }

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#initialConfState };
  }

  /** Sets what a core that is started again on this window begins with. */
  restartWith(hardState: HardState, confState: ConfState): void {
    this.#hardState = hardState;
    this.#initialConfState = confState;
  }

  firstIndex(): LogIndex {
    return this.#outline.firstIndex;
  }

  lastIndex(): LogIndex {
    return this.#outline.lastIndex;
  }

  term(index: LogIndex): Term | undefined {
    return this.#outline.term(index);
  }

  nextConfChange(after: LogIndex, to: LogIndex): LogIndex | undefined {
    return this.#outline.nextConfChange(after, to);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | typeof unread | undefined {
    if (from < this.firstIndex()) return undefined;
    invariant(
      to <= this.lastIndex() + 1,
      `entries up to ${to} are asked for, the last is ${this.lastIndex()}`,
    );
    if (from >= this.#tail.from) return this.#tail.slice(from, to, maxBytes);
    const run = this.#older.find((read) => read.has(from));
    if (run === undefined) {
      this.#want(from);
      return unread;
    }
    const entries = run.slice(from, to, maxBytes);
    if (from + entries.length === run.end) {
      this.#taken.add(run);
      // Who takes these needs the next ones soon: they are read meanwhile.
      this.isUnread(run.end);
    }
    return entries;
  }

  isUnread(index: LogIndex): boolean {
    const isOnDiskOnly = this.#isOnDiskOnly(index);
    if (isOnDiskOnly) this.#want(index);
    return isOnDiskOnly;
  }

  #isOnDiskOnly(index: LogIndex): boolean {
    return (
      index >= this.firstIndex() && index < this.#tail.from && !this.#older.some((run) => run.has(index))
    );
  }

  #want(from: LogIndex): void {
    if (from !== this.#reading && this.#wanted.size < MAX_WANTED) this.#wanted.add(from);
  }

  /** What to read next, at most so many bytes; undefined while something is being read, or when nothing is wanted. `read` must follow. */
  nextRead(): { readonly from: LogIndex; readonly maxBytes: number } | undefined {
    if (this.#reading !== undefined) return undefined;
    for (const from of this.#wanted) {
      this.#wanted.delete(from);
      // It may have been read with what is before it, replaced, or compacted.
      if (!this.#isOnDiskOnly(from)) continue;
      this.#reading = from;
      return { from, maxBytes: Math.ceil(this.#options.memoryBytes * READ_SHARE) };
    }
    return undefined;
  }

  /** These were read. What of them has been replaced or compacted meanwhile is none of the log's: an entry's index and term name its content. */
  read(entries: readonly Entry[]): void {
    this.#reading = undefined;
    this.#older = this.#older.filter((run) => !this.#taken.has(run));
    const first = entries.findIndex(({ index, term }) => this.#isEntry(index, term));
    if (first < 0) return;
    const there = entries.slice(first);
    const end = there.findIndex(({ index, term }) => !this.#isEntry(index, term));
    const run = new EntryRun(there[0]?.index ?? 0, end < 0 ? there : there.slice(0, end));
    this.#older.push(run);
    let bytes = this.#older.reduce((sum, each) => sum + each.bytes, 0);
    for (let oldest = this.#older[0]; oldest !== undefined && oldest !== run; oldest = this.#older[0]) {
      if (bytes <= this.#options.memoryBytes) return;
      bytes -= oldest.bytes;
      this.#older.shift();
    }
  }

  #isEntry(index: LogIndex, term: Term): boolean {
    return index >= this.firstIndex() && this.term(index) === term;
  }

  /** The newest snapshot, if it names the member; otherwise a newer one is asked for, and the core asks again. */
  snapshot(member: NodeId): Snapshot | undefined {
    const { voters, votersOutgoing, learners } = this.#confState;
    if (this.#snapshot.index > 0 && [...voters, ...votersOutgoing, ...learners].includes(member)) {
      return { data: noData, metadata: { ...this.#snapshot, confState: this.#confState } };
    }
    this.#options.onSnapshotWanted();
    return undefined;
  }

  /** Takes over what has become durable; entries from the first one on are replaced. */
  append(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    const isTruncated = first.index <= this.lastIndex();
    this.#outline.append(entries);
    if (isTruncated) {
      this.#tail.truncate(first.index);
      for (const run of this.#older) run.truncate(first.index);
      this.#older = this.#older.filter(({ bytes }) => bytes > 0);
    }
    const before = this.#tail.bytes;
    this.#tail.append(entries);
    this.#newBytes += this.#tail.bytes - before;
    const { memoryBytes } = this.#options;
    if (this.#tail.bytes > memoryBytes) this.#tail.shrinkTo(memoryBytes * (1 - GIVEN_UP_SHARE));
  }

  /** True when it is worth finding out what nobody needs any more. */
  get hasGrown(): boolean {
    const { memoryBytes } = this.#options;
    return this.#newBytes > memoryBytes * GROWTH_SHARE && this.#tail.bytes > memoryBytes * KEPT_SHARE;
  }

  /** Nobody needs the entries before an index any more: but for a few they leave memory, and are read again for who needs them all the same. */
  letGoBefore(index: LogIndex): void {
    this.#newBytes = 0;
    this.#tail.shrinkTo(this.#options.memoryBytes * KEPT_SHARE, index);
  }

  /** A snapshot of this node's own has become durable. The log stays as it is. */
  noteSnapshot(snapshot: LogPlace, confState: ConfState): void {
    invariant(snapshot.index >= this.#snapshot.index, "a snapshot is older than the one before it");
    this.#snapshot = snapshot;
    this.#confState = confState;
  }

  /** A snapshot from elsewhere takes the place of the whole log. */
  install(snapshot: LogPlace, confState: ConfState): void {
    this.noteSnapshot(snapshot, confState);
    this.#outline = new LogOutline(snapshot);
    this.#tail = new EntryRun(snapshot.index + 1);
    this.#older = [];
  }

  /** Gives up the entries before `index`, at most the one after the snapshot. */
  dropBefore(index: LogIndex): void {
    invariant(
      index <= this.#snapshot.index + 1,
      `entries up to ${index} are needed: the snapshot is of ${this.#snapshot.index}`,
    );
    this.#outline.dropBefore(index);
    this.#tail.dropBefore(index);
    this.#older = this.#older.filter(({ end }) => end > index);
  }

  /** The lowest index from which on the entries up to `to` have at most so many bytes and number. */
  trailing(to: LogIndex, bounds: { readonly entries: number; readonly bytes: number }): LogIndex {
    return this.#outline.trailing(to, bounds);
  }
}
