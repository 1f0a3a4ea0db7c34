import { describe, expect, it } from "@jest/globals";
import { entrySize, limitSize, type Entry } from "../entry.ts";
import type { Term } from "../numbers.ts";
import { entry, snapshotAt } from "../test-support/test-node.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftLog } from "./raft-log.ts";
import { unread } from "./storage.ts";
import { Unstable } from "./unstable.ts";

function entries(first: number, ...terms: Term[]): Entry[] {
  return terms.map((term, at) => entry(term, first + at));
}

/** A log with stored entries from index 1 on. */
function logOf(...terms: Term[]): RaftLog {
  const storage = new MemoryStorage();
  storage.append(entries(1, ...terms));
  return new RaftLog(storage, Number.POSITIVE_INFINITY);
}

/** An unstable part from index 5 on, of which so many entries are being stored. */
function unstableOf(terms: Term[], inProgress: number): Unstable {
  const unstable = new Unstable(5);
  unstable.truncateAndAppend(entries(5, ...terms.slice(0, inProgress)));
  unstable.acceptInProgress();
  unstable.truncateAndAppend(entries(5 + inProgress, ...terms.slice(inProgress)));
  return unstable;
}

const shape = ({ offset, offsetInProgress, entries: own }: Unstable) => ({
  offset,
  inProgress: offsetInProgress - offset,
  terms: own.map(({ term }) => term),
});

describe("raft N5 the unstable part", () => {
  it.each([
    { terms: [1, 1], inProgress: 1, index: 5, term: 1, after: { offset: 6, inProgress: 0, terms: [1] } },
    { terms: [1, 1], inProgress: 2, index: 5, term: 1, after: { offset: 6, inProgress: 1, terms: [1] } },
    { terms: [1, 1], inProgress: 2, index: 6, term: 1, after: { offset: 7, inProgress: 0, terms: [] } },
    // Replaced in the meantime: what is stored is not what is here.
    { terms: [2, 2], inProgress: 2, index: 5, term: 1, after: { offset: 5, inProgress: 2, terms: [2, 2] } },
    { terms: [3, 4], inProgress: 1, index: 6, term: 3, after: { offset: 5, inProgress: 1, terms: [3, 4] } },
    // Stored before, or never here.
    { terms: [1], inProgress: 1, index: 4, term: 1, after: { offset: 5, inProgress: 1, terms: [1] } },
    { terms: [1], inProgress: 1, index: 6, term: 1, after: { offset: 5, inProgress: 1, terms: [1] } },
    { terms: [], inProgress: 0, index: 5, term: 1, after: { offset: 5, inProgress: 0, terms: [] } },
  ])("raft N5 with $terms, $inProgress under way, ($index, $term) is stored", (row) => {
    const unstable = unstableOf(row.terms, row.inProgress);
    unstable.stableTo({ index: row.index, term: row.term });
    expect(shape(unstable)).toEqual(row.after);
  });

  it.each([
    { first: 7, terms: [1], after: { offset: 5, inProgress: 1, terms: [1, 1, 1] } },
    { first: 6, terms: [2], after: { offset: 5, inProgress: 1, terms: [1, 2] } },
    { first: 5, terms: [2, 2], after: { offset: 5, inProgress: 0, terms: [2, 2] } },
    { first: 3, terms: [2, 2, 2], after: { offset: 3, inProgress: 0, terms: [2, 2, 2] } },
  ])("raft N5 entries from $first on replace what is there", ({ first, terms, after }) => {
    const unstable = unstableOf([1, 1], 1);
    unstable.truncateAndAppend(entries(first, ...terms));
    expect(shape(unstable)).toEqual(after);
  });

  it("raft N5 what is under way is not handed out again", () => {
    const unstable = unstableOf([1, 1, 1], 1);
    expect(unstable.nextEntries.map(({ index }) => index)).toEqual([6, 7]);
    unstable.acceptInProgress();
    expect(unstable).toMatchObject({ hasNextEntries: false, nextEntries: [] });
    // Replacing entries under way hands out the new ones.
    unstable.truncateAndAppend(entries(6, 2));
    expect(unstable.nextEntries).toEqual([entry(2, 6)]);
  });

  it("raft N5 a snapshot replaces all, and is handed out once", () => {
    const unstable = unstableOf([1, 1], 2);
    unstable.restore(snapshotAt(9, 3, {}));
    expect(shape(unstable)).toEqual({ offset: 10, inProgress: 0, terms: [] });
    expect(unstable.term(9)).toBe(3);
    expect(unstable.nextSnapshot?.metadata.index).toBe(9);
    unstable.acceptInProgress();
    expect(unstable.nextSnapshot).toBeUndefined();
    unstable.stableSnapshotTo(8);
    expect(unstable.snapshot).toBeDefined();
    unstable.stableSnapshotTo(9);
    expect(unstable.snapshot).toBeUndefined();
  });

  it("asserts that there are no gaps", () => {
    expect(() => unstableOf([1], 0).truncateAndAppend(entries(7, 1))).toThrow(/does not follow/);
    expect(() => unstableOf([1], 0).slice(4, 5)).toThrow(/were asked for/);
  });
});

describe("the log", () => {
  it.each([
    { index: 0, term: 0, upTo: undefined },
    { index: 3, term: 3, upTo: 5 },
    { index: 3, term: 2, upTo: "refused" },
    { index: 9, term: 3, upTo: "refused" },
  ])("takes an append after ($index, $term)", ({ index, term, upTo }) => {
    const log = logOf(1, 2, 3);
    const last = log.maybeAppend({ index, term }, index === 0 ? [] : entries(4, 4, 4), 9);
    expect(last).toBe(upTo === "refused" ? undefined : (upTo ?? 0));
    expect(log.committed).toBe(upTo === "refused" ? 0 : (upTo ?? 0));
  });

  it("does not truncate on an append that it has already", () => {
    const log = logOf(1, 2, 3);
    expect(log.maybeAppend({ index: 0, term: 0 }, entries(1, 1), 0)).toBe(1);
    expect(log.lastIndex).toBe(3);
  });

  it("never replaces what is committed", () => {
    const log = logOf(1, 2, 3);
    log.commitTo(2);
    expect(() => log.maybeAppend({ index: 1, term: 1 }, entries(2, 9), 0)).toThrow(/although 2 is committed/);
  });

  it("notices that acknowledged entries were lost", () => {
    expect(() => logOf(1).commitTo(2)).toThrow(/acknowledged entries were lost/);
  });

  it.each([
    { from: 7, term: 5, found: { index: 5, term: 4 } },
    { from: 7, term: 4, found: { index: 5, term: 4 } },
    { from: 7, term: 3, found: { index: 3, term: 2 } },
    { from: 7, term: 1, found: { index: 0, term: 0 } },
    { from: 9, term: 1, found: { index: 9, term: 0 } },
    { from: 0, term: 1, found: { index: 0, term: 0 } },
  ])("finds where a log with term $term at $from may still be equal", ({ from, term, found }) => {
    expect(logOf(2, 2, 2, 4, 4, 6, 6).findConflictByTerm(from, term)).toEqual(found);
  });

  it("reads over the border of stable and unstable entries, within a limit", () => {
    const log = logOf(1, 1, 1);
    log.append(entries(4, 2, 2, 2));
    const size = entrySize(entry(1, 1));
    const indexes = (from: number, to: number, bytes: number) => {
      const found = log.slice(from, to, bytes);
      return found === unread ? found : found?.map(({ index }) => index);
    };
    expect(indexes(1, 7, 1e9)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(indexes(1, 7, 0)).toEqual([1]);
    expect(indexes(2, 7, size)).toEqual([2]);
    expect(indexes(2, 7, 2 * size)).toEqual([2, 3]);
    expect(indexes(2, 7, 3 * size - 1)).toEqual([2, 3]);
    expect(indexes(2, 7, 3 * size)).toEqual([2, 3, 4]);
    expect(indexes(4, 6, 0)).toEqual([4]);
    expect(indexes(3, 3, 0)).toEqual([]);
    expect(() => log.slice(1, 8, 1e9)).toThrow(/of a log up to 6/);
  });

  it("hands nothing out beyond the limit until it is acknowledged", () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1, 1, 1));
    const size = entrySize(entry(1, 1));
    const log = new RaftLog(storage, 2 * size);
    log.commitTo(4);
    const page = log.nextCommitted(true);
    expect(page.map(({ index }) => index)).toEqual([1, 2]);
    log.acceptApplying(page, true);
    expect(log.nextCommitted(true)).toEqual([]);
    log.appliedTo(1, size);
    expect(log.nextCommitted(true).map(({ index }) => index)).toEqual([3]);
    expect(() => log.appliedTo(5, 0)).toThrow(/is not between/);
  });
});

describe("the storage in memory", () => {
  it("stands on what was compacted, whose term it keeps", () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 2, 3, 3));
    storage.createSnapshot(2, snapshotAt(2, 2, { voters: [1] }).metadata.confState, new Uint8Array(0));
    storage.compact(2);
    expect([storage.firstIndex(), storage.lastIndex()]).toEqual([3, 4]);
    expect([1, 2, 3, 5].map((index) => storage.term(index))).toEqual([undefined, 2, 3, undefined]);
    expect(storage.entries(2, 4, 1e9)).toBeUndefined();
    storage.append(entries(2, 2, 3, 5));
    expect(storage.entries(3, 5, 1e9)?.map(({ term }) => term)).toEqual([3, 5]);
    storage.applySnapshot(snapshotAt(9, 7, { voters: [1] }));
    storage.applySnapshot(snapshotAt(8, 7, { voters: [1] }));
    expect([storage.firstIndex(), storage.lastIndex(), storage.term(9)]).toEqual([10, 9, 7]);
    expect(() => storage.append(entries(11, 8))).toThrow(/does not follow/);
    expect(() => storage.compact(11)).toThrow(/compaction up to 11/);
  });

  it("does not change what it has handed out", () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1, 1));
    const handedOut = storage.entries(1, 4, 1e9);
    storage.append(entries(2, 2, 2, 2));
    expect(handedOut?.map(({ term }) => term)).toEqual([1, 1, 1]);
    expect(storage.entries(1, 5, 1e9)?.map(({ term }) => term)).toEqual([1, 2, 2, 2]);
  });
});

describe("sizes", () => {
  it("cut a batch after the first entry at the earliest", () => {
    const batch = entries(1, 1, 1, 1);
    const size = entrySize(entry(1, 1));
    expect(limitSize(batch, 0)).toHaveLength(1);
    expect(limitSize(batch, 2 * size)).toHaveLength(2);
    expect(limitSize(batch, 1e9)).toHaveLength(3);
    expect(limitSize([], 0)).toEqual([]);
  });

  it("are those of the protobuf encoding", () => {
    expect(entrySize(entry(1, 1))).toBe(6);
    expect(entrySize(entry(128, 16384))).toBe(9);
    expect(entrySize(entry(1, 1, "x".repeat(200)))).toBe(6 + 3 + 200);
  });
});
