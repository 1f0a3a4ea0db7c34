import { describe, expect, it } from "@jest/globals";
import { type ConfState, emptyConfState, emptyHardState, type Entry, entrySize, unread } from "@trellis/raft";

import { LogWindow } from "./log-window.ts";

const confState: ConfState = { ...emptyConfState, voters: [1, 2], learners: [3] };

function entries(from: number, to: number, term = 2): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    index: from + at,
    term,
    type: "EntryNormal" as const,
    data: new Uint8Array(10),
  }));
}

function windowOf(
  held: readonly Entry[],
  options: { readonly memoryBytes?: number; readonly onSnapshotWanted?: () => void } = {},
): LogWindow {
  const at = { index: (held[0]?.index ?? 11) - 1, term: 1 };
  const window = new LogWindow(
    { hardState: emptyHardState, confState, snapshot: at, before: at },
    { memoryBytes: 1_000_000, onSnapshotWanted: () => undefined, ...options },
  );
  window.append(held);
  return window;
}

/** What the window answers for, as indexes. */
function found(window: LogWindow, from: number, to: number, maxBytes = 1_000_000) {
  const answer = window.entries(from, to, maxBytes);
  return answer === unread ? unread : answer?.map(({ index }) => index);
}

const SIZE = entrySize(entries(1, 1)[0] as Entry);

describe("the window of the log", () => {
  it("shows entries, terms, and the term of the one before the first", () => {
    const window = windowOf(entries(11, 20));
    expect([window.firstIndex(), window.lastIndex()]).toEqual([11, 20]);
    expect([9, 10, 11, 20, 21].map((index) => window.term(index))).toEqual([undefined, 1, 2, 2, undefined]);
    expect(window.entries(10, 12, 1_000)).toBeUndefined();
    expect(found(window, 11, 13)).toEqual([11, 12]);
  });

  it("gives at least one entry, and no more bytes than asked for beyond that", () => {
    const window = windowOf(entries(11, 20));
    expect(window.entries(11, 21, 0)).toHaveLength(1);
    expect(window.entries(11, 21, 3 * SIZE)).toHaveLength(3);
    expect(window.entries(11, 21, 3 * SIZE + 1)).toHaveLength(3);
    expect(() => window.entries(11, 22, 1)).toThrow("the last is 20");
  });

  it("replaces what is written again, and everything behind it", () => {
    const window = windowOf(entries(11, 20));
    window.append(entries(15, 16, 3));
    expect(window.lastIndex()).toBe(16);
    expect([14, 15, 16].map((index) => window.term(index))).toEqual([2, 3, 3]);
    expect(window.bytes).toBe(6 * SIZE);
    expect(() => window.append(entries(18, 18))).toThrow("does not follow");
    expect(() => window.append(entries(10, 10))).toThrow("does not follow");
  });

  it("lets go of entries behind a snapshot only, and remembers the term of the last", () => {
    const window = windowOf(entries(11, 20));
    expect(() => window.dropBefore(13)).toThrow("the snapshot is of 10");
    window.noteSnapshot({ index: 15, term: 2 }, confState);
    window.dropBefore(14);
    expect([window.firstIndex(), window.term(13)]).toEqual([14, 2]);
    window.dropBefore(12);
    expect(window.firstIndex()).toBe(14);
    window.dropBefore(16);
    expect([window.firstIndex(), window.lastIndex(), window.term(15)]).toEqual([16, 20, 2]);
  });

  it("begins behind a snapshot that was installed, with nothing", () => {
    const window = windowOf(entries(11, 20));
    window.install({ index: 30, term: 4 }, confState);
    expect([window.firstIndex(), window.lastIndex(), window.term(30), window.bytes]).toEqual([31, 30, 4, 0]);
    expect(() => window.noteSnapshot({ index: 29, term: 4 }, confState)).toThrow("older");
  });

  it("has a snapshot for those that it names, and asks for a newer one for others", () => {
    let wanted = 0;
    const window = windowOf([], { onSnapshotWanted: () => wanted++ });
    expect(window.snapshot(3)?.metadata).toEqual({ index: 10, term: 1, confState });
    expect(wanted).toBe(0);
    expect(window.snapshot(4)).toBeUndefined();
    expect(wanted).toBe(1);
  });

  it("keeps as many trailing entries as both bounds allow", () => {
    const window = windowOf(entries(11, 20));
    const bytes = 3 * SIZE;
    expect(window.trailing(20, { entries: 4, bytes: 1_000 })).toBe(17);
    expect(window.trailing(20, { entries: 100, bytes })).toBe(18);
    expect(window.trailing(20, { entries: 100, bytes: 1_000_000 })).toBe(11);
    expect(window.trailing(20, { entries: 100, bytes: 1 })).toBe(21);
  });
});

describe("entries that are on disk only", () => {
  /** Of 90 entries the last ones, and as many bytes of older ones that were read. */
  const memoryBytes = 16 * SIZE;
  const small = (): LogWindow => windowOf(entries(11, 100), { memoryBytes });

  it("are those before the last few: memory does not grow with the log", () => {
    const window = small();
    expect(window.bytes).toBeLessThanOrEqual(memoryBytes);
    for (let index = 101; index <= 1_000; index++) {
      window.append(entries(index, index));
      expect(window.bytes).toBeLessThanOrEqual(memoryBytes);
    }
    expect(window.bytes).toBeGreaterThan(memoryBytes / 2);
    expect([window.firstIndex(), window.lastIndex(), window.term(11)]).toEqual([11, 1_000, 2]);
    expect(found(window, 990, 1_001)).toHaveLength(11);
    expect(window.trailing(900, { entries: 100, bytes: 1_000_000 })).toBe(801);
  });

  it("are asked for once, and stay until they were taken", () => {
    const window = small();
    expect(found(window, 20, 101)).toBe(unread);
    expect(window.isUnread(20)).toBe(true);
    expect(window.nextRead()).toEqual({ from: 20, maxBytes: 4 * SIZE });
    // It is being read: nobody begins to read it again, nor anything else.
    expect([window.isUnread(20), window.isUnread(60)]).toEqual([true, true]);
    expect(window.nextRead()).toBeUndefined();
    window.read(entries(20, 23));
    expect(window.isUnread(20)).toBe(false);
    expect(found(window, 20, 101, 2 * SIZE)).toEqual([20, 21]);
    expect(found(window, 22, 101)).toEqual([22, 23]);
    expect(window.nextRead()?.from).toBe(60);
    // What comes next is read ahead.
    window.read([]);
    expect(window.bytes).toBeLessThanOrEqual(memoryBytes);
    expect(window.nextRead()?.from).toBe(24);
  });

  it("are read once for all who are behind at the same place", () => {
    const window = small();
    const members = ["one", "other"];
    let reads = 0;
    for (let from = 20; from < 60; from += 4) {
      const taken = members.map(() => {
        const first = found(window, from, 101);
        if (first !== unread) return first;
        const next = window.nextRead();
        expect(next?.from).toBe(from);
        window.read(entries(from, from + 3));
        reads++;
        return found(window, from, 101);
      });
      const run = [from, from + 1, from + 2, from + 3];
      expect(taken).toEqual([run, run]);
      // The tail, what was taken, and what is taken next.
      expect(window.bytes).toBeLessThanOrEqual(memoryBytes + 8 * SIZE);
    }
    expect(reads).toBe(10);
  });

  it("are not read once they are there, or no more: with what was before them, after a snapshot", () => {
    const window = small();
    expect([20, 21, 30].map((index) => window.isUnread(index))).toEqual([true, true, true]);
    expect(window.nextRead()?.from).toBe(20);
    window.noteSnapshot({ index: 40, term: 2 }, confState);
    window.dropBefore(31);
    window.read([]);
    expect(window.isUnread(20)).toBe(false);
    expect(found(window, 20, 101)).toBeUndefined();
    expect(window.nextRead()).toBeUndefined();
  });

  it("are the log's as far as they are what it has now, when another leader's took their place meanwhile", () => {
    const window = small();
    expect(found(window, 20, 101)).toBe(unread);
    window.nextRead();
    window.append(entries(22, 22, 3));
    window.read(entries(20, 23));
    expect(window.lastIndex()).toBe(22);
    expect(found(window, 20, 23)).toEqual([20, 21]);
    // Also those that were read before.
    window.append(entries(21, 21, 4));
    expect(found(window, 20, 22)).toEqual([20]);
  });

  it("are let go of, the first that were read first, when nobody takes them", () => {
    const window = small();
    for (let from = 11; from < 71; from += 4) {
      expect(window.isUnread(from)).toBe(true);
      window.nextRead();
      window.read(entries(from, from + 3));
      expect(window.bytes).toBeLessThanOrEqual(2 * memoryBytes);
    }
    expect([window.isUnread(11), window.isUnread(67)]).toEqual([true, false]);
  });

  it("are asked for at so many places at most", () => {
    const window = windowOf(entries(11, 1_000), { memoryBytes });
    for (let index = 11; index < 900; index++) window.isUnread(index);
    let reads = 0;
    for (; window.nextRead() !== undefined; reads++) window.read([]);
    expect(reads).toBe(64);
  });

  it("tell all the same whether they change the membership", () => {
    const change = { index: 30, term: 2, type: "EntryConfChangeV2" as const, data: new Uint8Array(3) };
    const window = windowOf([...entries(11, 29), change, ...entries(31, 100)], { memoryBytes });
    expect(window.isUnread(30)).toBe(true);
    expect([window.nextConfChange(10, 100), window.nextConfChange(29, 30)]).toEqual([30, 30]);
    expect([window.nextConfChange(30, 100), window.nextConfChange(10, 29)]).toEqual([undefined, undefined]);
    window.append(entries(30, 30, 3));
    expect(window.nextConfChange(10, 30)).toBeUndefined();
  });
});

describe("entries that nobody needs", () => {
  const LARGE = entrySize(entries(1_000, 1_000)[0] as Entry);
  /** The bound of which 16 entries stay in any case, and 4 come in before others are looked for. */
  const memoryBytes = 64 * 16 * LARGE;
  const inMemory = (window: LogWindow): number => window.bytes / LARGE;

  it("leave memory but for a few, and the log not at all", () => {
    const window = windowOf(entries(1_001, 1_300), { memoryBytes });
    expect(inMemory(window)).toBe(300);
    window.letGoBefore(1_301);
    expect(inMemory(window)).toBe(16);
    expect([window.firstIndex(), window.lastIndex(), window.term(1_001)]).toEqual([1_001, 1_300, 2]);
    expect(found(window, 1_285, 1_301)).toHaveLength(16);
    expect([window.isUnread(1_284), window.isUnread(1_285)]).toEqual([true, false]);
    window.append(entries(1_301, 1_302));
    expect(found(window, 1_299, 1_303)).toEqual([1_299, 1_300, 1_301, 1_302]);
  });

  it("do not take along what somebody needs, however much that is", () => {
    const window = windowOf(entries(1_001, 1_300), { memoryBytes });
    window.letGoBefore(1_050);
    expect([window.isUnread(1_049), window.isUnread(1_050)]).toEqual([true, false]);
    expect(found(window, 1_050, 1_301)).toHaveLength(251);
    // The bound stays the bound.
    for (let index = 1_301; index <= 4_000; index++) {
      window.append(entries(index, index));
      window.letGoBefore(1_050);
      expect(window.bytes).toBeLessThanOrEqual(memoryBytes);
    }
    expect(inMemory(window)).toBeGreaterThan(500);
    expect(window.isUnread(1_050)).toBe(true);
  });

  it("are looked for each time that a few have come in, while more than a few are in memory", () => {
    const window = windowOf(entries(1_001, 1_016), { memoryBytes });
    expect(window.hasGrown).toBe(false);
    window.append(entries(1_017, 1_017));
    expect(window.hasGrown).toBe(true);
    window.letGoBefore(1_001);
    const grown = [1_018, 1_019, 1_020, 1_021, 1_022].map((index) => {
      window.append(entries(index, index));
      return window.hasGrown;
    });
    expect(grown).toEqual([false, false, false, false, true]);
  });

  it("are replaced by another leader's like others, and read again for who is behind", () => {
    const window = windowOf(entries(1_001, 1_300), { memoryBytes });
    window.letGoBefore(1_290);
    window.append(entries(1_290, 1_295, 3));
    expect([window.lastIndex(), window.term(1_290), inMemory(window)]).toEqual([1_295, 3, 11]);
    expect(found(window, 1_288, 1_296, 4 * LARGE)).toEqual([1_288, 1_289, 1_290, 1_291]);
    // Even those of which nothing is left in memory.
    window.append(entries(1_280, 1_281, 4));
    expect([window.lastIndex(), inMemory(window), window.isUnread(1_279)]).toEqual([1_281, 2, true]);
    expect(found(window, 1_280, 1_282)).toEqual([1_280, 1_281]);
    expect(window.nextRead()?.from).toBe(1_279);
    window.read(entries(1_270, 1_279));
    expect(found(window, 1_275, 1_282)).toEqual([1_275, 1_276, 1_277, 1_278, 1_279]);
  });

  it("are those that were let go of once, in whatever portions they go", () => {
    const window = windowOf(entries(1_001, 1_100), { memoryBytes });
    for (let index = 1_101; index <= 9_000; index++) {
      window.append(entries(index, index));
      // Of seven, all go at once; what stays is 60 to 67, one behind the other.
      const needed = index - 60 - (index % 7);
      window.letGoBefore(needed);
      expect([window.isUnread(needed - 1), inMemory(window)]).toEqual([true, index - needed + 1]);
      expect(found(window, needed, index + 1)?.[index - needed]).toBe(index);
    }
  });
});
