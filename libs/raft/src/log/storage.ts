import type { Entry } from "../entry.ts";
import type { HardState } from "../hard-state.ts";
import type { LogIndex, NodeId, Term } from "../numbers.ts";
import type { ConfState, Snapshot } from "../snapshot.ts";

/** In place of entries that are in the log, and not in memory. */
export const unread = "unread";

/**
 * The stable part of the log, as the core reads it. The driver writes it, from each Ready, and must show here everything
 * that it was told to write and has acknowledged. All calls are synchronous: what is asked for is in memory or quick to get.
 * Only entries may have to be read first: then the answer is `unread`, the driver reads them and calls `entriesRead()`.
 *
 * The log stands on a snapshot: entries up to its index are gone (compacted), but the term of the last of them stays known.
 */
export interface Storage {
  /**
   * What was stored of the hard state, and the configuration at the index from which the node starts (option `applied`): that
   * of the newest snapshot, and not of the first entry when entries before the snapshot are kept. Read once, at the start.
   */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** Index of the first entry that is there, or would be: one after the snapshot. */
  firstIndex(): LogIndex;
  /** Index of the last entry; of the snapshot when no entry follows it. */
  lastIndex(): LogIndex;
  /** The term of the entry at `index`; undefined below `firstIndex() - 1` (compacted) and above `lastIndex()`. */
  term(index: LogIndex): Term | undefined;
  /**
   * Entries from `from` up to, not including, `to`; fewer when they exceed `maxBytes` (`entrySize`), but always the first.
   * Undefined when some of them were compacted. `to` is at most `lastIndex() + 1`. `unread` when the first is not in memory:
   * it is to be read then; fewer than asked for when that holds for a later one.
   */
  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | typeof unread | undefined;
  /** True when the entry at `index` is not in memory: it is to be read then. */
  isUnread(index: LogIndex): boolean;
  /** The index of the first membership change after `after`, up to `to`; undefined when there is none. Known of unread entries, too. */
  nextConfChange(after: LogIndex, to: LogIndex): LogIndex | undefined;
  /**
   * The newest snapshot, to be sent to a member; undefined when there is none at the moment, then the core asks again later.
   * One whose configuration does not name the member, because it joined since, is of no use: the application has to make a
   * newer one.
   */
  snapshot(member: NodeId): Snapshot | undefined;
}
