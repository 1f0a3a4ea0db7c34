import { entriesSize, entrySize, limitSize, type Entry, type EntryId } from "../entry.ts";
import { violated } from "../invariant.ts";
import type { LogIndex, NodeId, Term } from "../numbers.ts";
import type { Snapshot } from "../snapshot.ts";
import { type Storage, unread } from "./storage.ts";
import { Unstable } from "./unstable.ts";

/** The log: a stable part read from storage, and an unstable tail held here. */
export class RaftLog {
  readonly storage: Storage;
  readonly unstable: Unstable;
  /** The highest index known to be durable on a quorum. Never falls. Invariant: applied <= applying <= committed. */
  committed: LogIndex;
  /** The highest index handed to the application. */
  applying: LogIndex;
  /** The highest index the application has acknowledged. */
  applied: LogIndex;
  /** Bytes of entries that may be with the application at a time; one entry may exceed it. */
  readonly maxApplyingBytes: number;
  /** Bytes of entries handed to the application and not acknowledged. */
  #applyingBytes = 0;
  /** True while the application has as much as it may, or as would fit. */
  #applyingPaused = false;

  constructor(storage: Storage, maxApplyingBytes: number) {
    this.storage = storage;
    this.maxApplyingBytes = maxApplyingBytes;
    this.unstable = new Unstable(storage.lastIndex() + 1);
    this.committed = storage.firstIndex() - 1;
    this.applying = this.committed;
    this.applied = this.committed;
  }

  get firstIndex(): LogIndex {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.storage.firstIndex() : snapshot.metadata.index + 1;
  }

  get lastIndex(): LogIndex {
    return this.unstable.lastIndex ?? this.storage.lastIndex();
  }

  get lastEntryId(): EntryId {
    const index = this.lastIndex;
    const term = this.term(index);
    if (term === undefined) violated(`the term of the last entry, ${index}, is not known`);
    return { term, index };
  }

  /** The term at an index; undefined when it is compacted or beyond the end. */
  term(index: LogIndex): Term | undefined {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index + 1 < this.firstIndex || index > this.lastIndex) return undefined;
    return this.storage.term(index);
  }

  /** True when the log has this very entry, and so equals the asker's log up to it (paper §5.3). */
  matches({ index, term }: EntryId): boolean {
    return this.term(index) === term;
  }

  /** True when a log ending in `id` has all that is committed here (paper §5.4.1): later term, or same and not shorter. */
  isUpToDate({ index, term }: EntryId): boolean {
    const last = this.lastEntryId;
    return term > last.term || (term === last.term && index >= last.index);
  }

  /** Appends at the end, or over an uncommitted tail. */
  append(entries: readonly Entry[]): LogIndex {
    const first = entries[0];
    if (first === undefined) return this.lastIndex;
    if (first.index <= this.committed) {
      violated(`entry ${first.index} would be replaced, although ${this.committed} is committed`);
    }
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex;
  }

  /**
   * A leader's append: `entries` after `previous` (paper figure 2, AppendEntries). Returns the last index that then equals the
   * leader's, or undefined when the log does not have `previous`. Only a conflict truncates: a late, shorter append must not
   * take back what was acknowledged.
   */
  maybeAppend(previous: EntryId, entries: readonly Entry[], leaderCommit: LogIndex): LogIndex | undefined {
    if (!this.matches(previous)) return undefined;
    const conflict = entries.findIndex((entry) => !this.matches(entry));
    if (conflict >= 0) this.append(entries.slice(conflict));
    const last = previous.index + entries.length;
    // Beyond the message's own entries nothing is known to equal the leader's log.
    this.commitTo(Math.min(leaderCommit, last));
    return last;
  }

  /**
   * The largest index up to `from` whose term is at most `term`: no entry after it can equal one of a log that has `term`
   * at `from`. Its term comes with it, 0 when unknown (compacted, or before the log).
   */
  findConflictByTerm(from: LogIndex, term: Term): EntryId {
    for (let index = from; index > 0; index--) {
      const own = this.term(index);
      if (own === undefined) return { index, term: 0 };
      if (own <= term) return { index, term: own };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: LogIndex): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex) {
      violated(
        `${index} is committed, but the log ends at ${this.lastIndex}: acknowledged entries were lost`,
      );
    }
    this.committed = index;
  }

  /** Commits up to an entry if the log has it, and it is news. Term 0 never commits. */
  maybeCommit(id: EntryId): boolean {
    if (id.term === 0 || id.index <= this.committed || !this.matches(id)) return false;
    this.commitTo(id.index);
    return true;
  }

  /** True when a snapshot has come in that is not known to be stored and applied. */
  get hasPendingSnapshot(): boolean {
    return this.unstable.snapshot !== undefined;
  }

  /**
   * What the application may apply next. `allowUnstable`: committed entries may be applied before they are stored here.
   * Nothing while a snapshot is pending, while the application has its fill, or while the next entry is to be read first.
   */
  nextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return [];
    const budget = this.maxApplyingBytes - this.#applyingBytes;
    const entries = this.slice(this.applying + 1, this.#maxAppliable(allowUnstable) + 1, budget);
    if (entries === unread) violated(`entry ${this.applying + 1} was in memory, and is not`);
    return (
      entries ?? violated(`committed entries after ${this.applying} were compacted before they were applied`)
    );
  }

  hasNextCommitted(allowUnstable: boolean): boolean {
    if (this.#applyingPaused || this.hasPendingSnapshot) return false;
    if (this.applying >= this.#maxAppliable(allowUnstable)) return false;
    const next = this.applying + 1;
    return next >= this.unstable.offset || !this.storage.isUnread(next);
  }

  #maxAppliable(allowUnstable: boolean): LogIndex {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  /** The application was handed these entries. Not empty. */
  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries.at(-1)?.index ?? this.applying;
    if (last > this.committed) violated(`${last} is being applied, only ${this.committed} is committed`);
    this.applying = last;
    this.#applyingBytes += entriesSize(entries);
    // When the limit cut the batch short, the next entry must wait even if the sum is still below the limit.
    this.#applyingPaused =
      this.#applyingBytes >= this.maxApplyingBytes || last < this.#maxAppliable(allowUnstable);
  }

  /** The application has applied up to `index`, entries of so many bytes. */
  appliedTo(index: LogIndex, bytes: number): void {
    if (index < this.applied || index > this.committed) {
      violated(`applied ${index} is not between applied ${this.applied} and committed ${this.committed}`);
    }
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.maxApplyingBytes;
  }

  /** Replaces the whole log by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.committed = snapshot.metadata.index;
    this.unstable.restore(snapshot);
  }

  /** The newest snapshot, for this member; undefined when there is none at the moment. */
  snapshot(member: NodeId): Snapshot | undefined {
    return this.unstable.snapshot ?? this.storage.snapshot(member);
  }

  /** The index of the first membership change after `after`, up to `to`, which the log has; undefined when there is none. */
  nextConfChange(after: LogIndex, to: LogIndex): LogIndex | undefined {
    const { offset, entries } = this.unstable;
    const stable =
      after + 1 < offset ? this.storage.nextConfChange(after, Math.min(to, offset - 1)) : undefined;
    if (stable !== undefined) return stable;
    return entries.find(({ type, index }) => index > after && index <= to && type !== "EntryNormal")?.index;
  }

  /** Entries from `from` on, at least one if there is one, about `maxBytes`; otherwise as of `slice`. */
  entries(from: LogIndex, maxBytes: number): readonly Entry[] | typeof unread | undefined {
    return from > this.lastIndex ? [] : this.slice(from, this.lastIndex + 1, maxBytes);
  }

  /**
   * Entries [from, to), fewer when they exceed `maxBytes` or are not in memory, but always the first; `unread` when that is
   * not in memory; undefined when some are compacted.
   */
  slice(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | typeof unread | undefined {
    if (from > to || to > this.lastIndex + 1)
      violated(`entries [${from}, ${to}) of a log up to ${this.lastIndex}`);
    if (from < this.firstIndex) return undefined;
    if (from === to) return [];
    const { offset } = this.unstable;
    if (from >= offset) return limitSize(this.unstable.slice(from, to), maxBytes);
    const cut = Math.min(to, offset);
    const stable = this.storage.entries(from, cut, maxBytes);
    if (stable === undefined || stable === unread) return stable;
    if (to <= offset || stable.length < cut - from) return stable;
    const rest = maxBytes - entriesSize(stable);
    const unstable = limitSize(this.unstable.slice(offset, to), rest);
    // The limit always lets one entry through; here it is not the first, so it must fit.
    const first = unstable[0];
    return first === undefined || entrySize(first) > rest ? stable : [...stable, ...unstable];
  }
}
