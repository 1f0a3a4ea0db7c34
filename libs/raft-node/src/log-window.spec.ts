import { describe, expect, it } from "@jest/globals";
import { type ConfState, emptyConfState, emptyHardState, type Entry, entrySize } from "@trellis/raft";

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

function windowOf(held: readonly Entry[], wanted: () => void = () => undefined): LogWindow {
  const at = { index: 10, term: 1 };
  return new LogWindow(
    { hardState: emptyHardState, confState, snapshot: at, before: at, entries: held },
    wanted,
  );
}

describe("the window of the log", () => {
  it("shows entries, terms, and the term of the one before the first", () => {
    const window = windowOf(entries(11, 20));
    expect([window.firstIndex(), window.lastIndex()]).toEqual([11, 20]);
    expect([9, 10, 11, 20, 21].map((index) => window.term(index))).toEqual([undefined, 1, 2, 2, undefined]);
    expect(window.entries(10, 12, 1_000)).toBeUndefined();
    expect(window.entries(11, 13, 1_000)?.map(({ index }) => index)).toEqual([11, 12]);
  });

  it("gives at least one entry, and no more bytes than asked for beyond that", () => {
    const window = windowOf(entries(11, 20));
    const [first] = entries(11, 11) as [Entry];
    const size = entrySize(first);
    expect(window.entries(11, 21, 0)).toHaveLength(1);
    expect(window.entries(11, 21, 3 * size)).toHaveLength(3);
    expect(window.entries(11, 21, 3 * size + 1)).toHaveLength(3);
    expect(() => window.entries(11, 22, 1)).toThrow("the last is 20");
  });

  it("replaces what is written again, and everything behind it", () => {
    const window = windowOf(entries(11, 20));
    window.append(entries(15, 16, 3));
    expect(window.lastIndex()).toBe(16);
    expect([14, 15, 16].map((index) => window.term(index))).toEqual([2, 3, 3]);
    const [one] = entries(1, 1) as [Entry];
    expect(window.bytes).toBe(6 * entrySize(one));
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
    const window = windowOf([], () => wanted++);
    expect(window.snapshot(3)?.metadata).toEqual({ index: 10, term: 1, confState });
    expect(wanted).toBe(0);
    expect(window.snapshot(4)).toBeUndefined();
    expect(wanted).toBe(1);
  });

  it("keeps as many trailing entries as both bounds allow", () => {
    const window = windowOf(entries(11, 20));
    const [one] = entries(1, 1) as [Entry];
    const bytes = 3 * entrySize(one);
    expect(window.trailing(20, { entries: 4, bytes: 1_000 })).toBe(17);
    expect(window.trailing(20, { entries: 100, bytes })).toBe(18);
    expect(window.trailing(20, { entries: 100, bytes: 1_000_000 })).toBe(11);
    expect(window.trailing(20, { entries: 100, bytes: 1 })).toBe(21);
  });
});
