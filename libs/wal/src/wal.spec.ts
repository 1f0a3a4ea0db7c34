import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import {
  appendAll,
  bytesOf,
  codeOf,
  contentOf,
  entries,
  entry,
  errorOf,
  openTestLog,
  settle,
  textOf,
} from "./test-support/test-log.ts";

const texts = (list: readonly ReturnType<typeof entry>[]): readonly string[] => list.map(textOf);

describe("a log", () => {
  it("is empty when its directory was", async () => {
    const { wal } = await openTestLog();
    expect(wal).toMatchObject({ state: "open", firstIndex: 1, lastIndex: 0, tornTail: undefined });
    expect(wal.hardState).toBeUndefined();
    expect(wal.snapshot).toBeUndefined();
    expect(wal.termOf(0)).toBeUndefined();
    await wal.close();
  });

  it("is not made where it must exist", async () => {
    expect(await codeOf(openTestLog({ create: false }))).toBe("not-found");
    const { wal, disk } = await openTestLog();
    await wal.close();
    await expect(openTestLog({ disk, create: false })).resolves.toBeDefined();
  });

  it("gives back entries, hard state and snapshot mark after it was opened again", async () => {
    const { wal, disk } = await openTestLog();
    await appendAll(wal, [
      { entries: entries(1, 3, 1), hardState: bytesOf("term 1") },
      { entries: entries(4, 2, 2) },
      { hardState: bytesOf("term 2") },
      { snapshot: { index: 2, term: 1 } },
    ]);
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again).toMatchObject({ firstIndex: 1, lastIndex: 5, snapshot: { index: 2, term: 1 } });
    expect(Buffer.from(again.hardState ?? []).toString()).toBe("term 2");
    expect(await contentOf(again)).toEqual(texts([...entries(1, 3, 1), ...entries(4, 2, 2)]));
    expect([1, 3, 4, 5, 6].map((index) => again.termOf(index))).toEqual([1, 1, 2, 2, undefined]);
    await again.close();
  });

  it("goes on over many segments, and over many starts", async () => {
    let { wal, disk } = await openTestLog();
    for (let start = 0; start < 5; start++) {
      for (let count = 0; count < 20; count++) {
        await wal.append({
          entries: [entry(wal.lastIndex + 1, 1, 700)],
          hardState: bytesOf(`${start}.${count}`),
        });
      }
      await wal.close();
      ({ wal } = await openTestLog({ disk, seed: start + 2 }));
    }
    expect(await contentOf(wal)).toEqual(texts(entries(1, 100, 1, 700)));
    expect(Buffer.from(wal.hardState ?? []).toString()).toBe("4.19");
    expect(wal.figures().segments).toBeGreaterThan(5);
    await wal.close();
  });

  it("takes empty entries, and one as large as the bound", async () => {
    const { wal, disk } = await openTestLog();
    const large = entry(2, 1, 4096 - 25);
    await wal.append({ entries: [{ index: 1, term: 1, bytes: new Uint8Array() }] });
    await wal.append({ entries: [large] });
    expect(await codeOf(wal.append({ entries: [entry(3, 1, 4096 - 24)] }))).toBe("too-large");
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(await contentOf(again)).toEqual(["1/1/", textOf(large)]);
    await again.close();
  });

  it("takes indexes and terms up to 2^53", async () => {
    const { wal, disk } = await openTestLog();
    const index = Number.MAX_SAFE_INTEGER - 1;
    await wal.append({ snapshot: { index, term: Number.MAX_SAFE_INTEGER, installed: true } });
    await wal.append({ entries: [entry(index + 1, Number.MAX_SAFE_INTEGER)] });
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again.lastIndex).toBe(Number.MAX_SAFE_INTEGER);
    expect(again.termOf(index)).toBe(Number.MAX_SAFE_INTEGER);
    await again.close();
  });
});

describe("an append", () => {
  it("overwrites the entries from its first one on, and they stay overwritten", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 10, 1) });
    await wal.append({ entries: entries(5, 2, 3) });
    const expected = texts([...entries(1, 4, 1), ...entries(5, 2, 3)]);
    expect(await contentOf(wal)).toEqual(expected);
    expect(wal.termOf(7)).toBeUndefined();
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again.lastIndex).toBe(6);
    expect(await contentOf(again)).toEqual(expected);
    await again.append({ entries: entries(7, 2, 3) });
    expect(await contentOf(again)).toEqual(texts([...entries(1, 4, 1), ...entries(5, 4, 3)]));
    await again.close();
  });

  it("overwrites what another append of the same batch wrote", async () => {
    const { wal, disk } = await openTestLog();
    await Promise.all([
      wal.append({ entries: entries(1, 5, 1) }),
      wal.append({ entries: entries(3, 1, 2) }),
      wal.append({ entries: entries(4, 2, 2) }),
    ]);
    expect(wal.figures()).toMatchObject({ batches: 1, appends: 3 });
    const expected = texts([...entries(1, 2, 1), ...entries(3, 3, 2)]);
    expect(await contentOf(wal)).toEqual(expected);
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(await contentOf(again)).toEqual(expected);
    await again.close();
  });

  it.each([
    ["nothing", {}],
    ["no entries", { entries: [] }],
    ["a gap", { entries: [entry(7, 2)] }],
    ["a gap within", { entries: [entry(6, 2), entry(8, 2)] }],
    ["a term that falls", { entries: [entry(6, 1)] }],
    ["a term that falls within", { entries: [entry(6, 3), entry(7, 2)] }],
    ["an entry behind the snapshot mark", { entries: [entry(2, 2)] }],
    ["index 0", { entries: [{ ...entry(1), index: 0 }] }],
    ["half an index", { entries: [{ ...entry(1), index: 6.5 }] }],
    ["a negative term", { entries: [{ ...entry(6), term: -1 }] }],
    ["a snapshot of an entry that is not there", { snapshot: { index: 6, term: 2 } }],
    ["a snapshot in another term than its entry", { snapshot: { index: 4, term: 1 } }],
    ["a snapshot mark that goes back", { snapshot: { index: 1, term: 1 } }],
    ["an installed snapshot that goes back", { snapshot: { index: 1, term: 1, installed: true } }],
    [
      "a snapshot mark at the same index in another term",
      { snapshot: { index: 2, term: 2, installed: true } },
    ],
  ])("is refused with %s, and changes nothing", async (_, append) => {
    const { wal, disk } = await openTestLog();
    await appendAll(wal, [
      { entries: [...entries(1, 3, 1), ...entries(4, 2, 2)] },
      { snapshot: { index: 2, term: 1 } },
    ]);
    const events = disk.events.length;
    const before = await contentOf(wal);
    expect(await codeOf(wal.append(append))).toBe("invalid");
    expect(await contentOf(wal)).toEqual(before);
    expect(disk.events).toHaveLength(events);
    await wal.append({ entries: [entry(6, 2)] });
    await wal.close();
  });

  it("is refused with a hard state that is too large", async () => {
    const { wal } = await openTestLog();
    expect(await codeOf(wal.append({ hardState: new Uint8Array(257) }))).toBe("too-large");
    await wal.close();
  });

  it("is checked against what was accepted before it, durable or not", async () => {
    const { wal } = await openTestLog();
    const first = wal.append({ entries: entries(1, 3) });
    const second = wal.append({ entries: entries(4, 1) });
    expect(await codeOf(wal.append({ entries: entries(6, 1) }))).toBe("invalid");
    await Promise.all([first, second]);
    expect(wal.lastIndex).toBe(4);
    await wal.close();
  });

  it("does not depend on the caller's hard state once it is durable", async () => {
    const { wal } = await openTestLog();
    const hardState = bytesOf("term 1");
    await wal.append({ hardState });
    hardState.fill(0);
    expect(Buffer.from(wal.hardState ?? []).toString()).toBe("term 1");
    await wal.close();
  });
});

describe("a snapshot mark", () => {
  it("of this node's leaves the entries as they are", async () => {
    const { wal } = await openTestLog();
    await wal.append({ entries: entries(1, 5) });
    await wal.append({ snapshot: { index: 3, term: 1 } });
    expect(wal).toMatchObject({ firstIndex: 1, lastIndex: 5, snapshot: { index: 3, term: 1 } });
    await wal.close();
  });

  it("from elsewhere empties the log, and entries follow it, in the same append too", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 5) });
    await wal.append({
      snapshot: { index: 100, term: 4, installed: true },
      entries: entries(101, 2, 5),
      hardState: bytesOf("term 5"),
    });
    const check = async (log: typeof wal): Promise<void> => {
      expect(log).toMatchObject({ firstIndex: 101, lastIndex: 102, snapshot: { index: 100, term: 4 } });
      expect([99, 100, 101].map((index) => log.termOf(index))).toEqual([undefined, 4, 5]);
      expect(await contentOf(log)).toEqual(texts(entries(101, 2, 5)));
    };
    await check(wal);
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    await check(again);
    await again.close();
  });

  it("from elsewhere may lie within the log, which is emptied all the same", async () => {
    const { wal } = await openTestLog();
    await wal.append({ entries: entries(1, 50) });
    await wal.append({ snapshot: { index: 20, term: 3, installed: true } });
    expect(wal).toMatchObject({ firstIndex: 21, lastIndex: 20 });
    expect(await codeOf(wal.read({ from: 20, before: 21 }))).toBe("compacted");
    await wal.close();
  });
});

describe("group commit", () => {
  it("acknowledges nothing before its sync, and forms the next batch meanwhile", async () => {
    const { wal, disk } = await openTestLog();
    const log: string[] = [];
    let release = (): void => undefined;
    disk.gate = async ({ kind }) => {
      if (kind !== "write" && kind !== "sync") return;
      log.push(kind);
      if (kind === "sync") await new Promise<void>((resolve) => (release = resolve));
    };
    const append = async (index: number): Promise<void> => {
      await wal.append({ entries: [entry(index)] });
      log.push(`durable ${index}`);
    };
    const appends = [append(1)];
    await settle();
    for (const index of [2, 3, 4]) appends.push(append(index));
    await settle();
    expect(log).toEqual(["write", "sync"]);
    expect(wal.lastIndex).toBe(0);
    release();
    await settle();
    expect(log.filter((step) => step !== "write")).toEqual(["sync", "durable 1", "sync"]);
    expect(wal.lastIndex).toBe(1);
    release();
    await Promise.all(appends);
    expect(log.slice(5)).toEqual(["durable 2", "durable 3", "durable 4"]);
    disk.gate = undefined;
    await wal.close();
  });

  it("puts the appends of one turn into one write and one sync", async () => {
    const { wal, disk } = await openTestLog();
    const before = disk.events.length;
    await Promise.all(entries(1, 30).map((one) => wal.append({ entries: [one] })));
    expect(disk.events.slice(before).map(({ kind }) => kind)).toEqual(["write", "sync"]);
    await wal.close();
  });

  it("writes entries and hard state of one append as one record", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3), hardState: bytesOf("term 1") });
    const records: unknown[] = [];
    await inspectWal(new SimulatedDisk(disk.present()), {
      onRecord: ({ entries: ranges, hardStates }) => records.push([ranges.length, hardStates.length]),
    });
    expect(records).toEqual([[1, 1]]);
    await wal.close();
  });

  it("refuses more appends than may wait, and takes them again when there is room", async () => {
    const { wal, disk } = await openTestLog({ limits: { queuedAppends: 3 } });
    let release = (): void => undefined;
    disk.gate = async ({ kind }) => {
      if (kind === "sync") await new Promise<void>((resolve) => (release = resolve));
    };
    const appends = [wal.append({ entries: entries(1, 1) })];
    await settle();
    for (const index of [2, 3, 4]) appends.push(wal.append({ entries: entries(index, 1) }));
    expect(await codeOf(wal.append({ entries: entries(5, 1) }))).toBe("busy");
    disk.gate = undefined;
    release();
    await Promise.all(appends);
    await wal.append({ entries: entries(5, 1) });
    expect(wal.lastIndex).toBe(5);
    await wal.close();
  });

  it("refuses more bytes than may wait", async () => {
    const { wal } = await openTestLog({ limits: { queuedBytes: 4096 } });
    const first = wal.append({ entries: [entry(1, 1, 3000)] });
    expect(await codeOf(wal.append({ entries: [entry(2, 1, 3000)] }))).toBe("busy");
    await first;
    await wal.append({ entries: [entry(2, 1, 3000)] });
    await wal.close();
  });

  it("tells how long the oldest append has been waiting", async () => {
    const { wal, disk, clock } = await openTestLog();
    expect(wal.oldestPendingMs()).toBe(0);
    let release = (): void => undefined;
    disk.gate = async ({ kind }) => {
      if (kind === "sync") await new Promise<void>((resolve) => (release = resolve));
    };
    const append = wal.append({ hardState: bytesOf("x") });
    clock.elapse(10);
    expect(wal.oldestPendingMs()).toBe(10);
    await settle();
    clock.elapse(790);
    expect(wal.oldestPendingMs()).toBe(800);
    disk.gate = undefined;
    release();
    await append;
    expect(wal.oldestPendingMs()).toBe(0);
    await wal.close();
  });
});

describe("reading", () => {
  it("gives at least one entry, then as many as fit", async () => {
    const { wal } = await openTestLog();
    await wal.append({ entries: entries(1, 10, 1, 100) });
    const read = async (from: number, before: number, maxBytes: number): Promise<readonly number[]> =>
      (await wal.read({ from, before }, { maxBytes })).map(({ index }) => index);
    expect(await read(1, 11, 1)).toEqual([1]);
    expect(await read(3, 11, 300)).toEqual([3, 4, 5]);
    expect(await read(9, 11, 10_000)).toEqual([9, 10]);
    expect(await read(4, 6, 10_000)).toEqual([4, 5]);
    expect(await read(11, 11, 10_000)).toEqual([]);
    await wal.close();
  });

  describe("what several appends wrote as one record", () => {
    const KIBIBYTE = 1024;
    const APPENDS = 40;
    const ENTRY_BYTES = 64 * KIBIBYTE;
    const limits = {
      segmentBytes: 8192 * KIBIBYTE,
      batchBytes: 4096 * KIBIBYTE,
      appendBytes: 128 * KIBIBYTE,
      queuedBytes: 8192 * KIBIBYTE,
      readBytes: 8192 * KIBIBYTE,
    };

    /** Two records of 40 appends each, and how often the disk was asked to read since. */
    async function withTwoRecords() {
      const { wal, disk } = await openTestLog({ limits });
      for (const from of [1, APPENDS + 1]) {
        await Promise.all(
          entries(from, APPENDS, 1, ENTRY_BYTES).map((one) => wal.append({ entries: [one] })),
        );
      }
      expect(wal.figures().batches).toBe(2);
      let reads = 0;
      disk.gate = async ({ kind }) => {
        if (kind === "read") reads++;
      };
      return { wal, disk, reads: () => reads };
    }

    /** Enough of long entries to know them by. */
    function beginnings(list: readonly ReturnType<typeof entry>[]): readonly string[] {
      return list.map(({ index, term, bytes }) => textOf({ index, term, bytes: bytes.subarray(0, 8) }));
    }

    function heldBytes(list: readonly { readonly bytes: Uint8Array }[]): number {
      return [...new Set(list.map(({ bytes }) => bytes.buffer))].reduce(
        (sum, { byteLength }) => sum + byteLength,
        0,
      );
    }

    it("is read once, and its entries share its bytes", async () => {
      const { wal, reads } = await withTwoRecords();
      const all = await wal.read({ from: 1, before: 2 * APPENDS + 1 });
      expect(beginnings(all)).toEqual(beginnings(entries(1, 2 * APPENDS, 1, ENTRY_BYTES)));
      expect(reads()).toBe(2);
      const own = all.reduce((sum, { bytes }) => sum + bytes.length, 0);
      expect(heldBytes(all)).toBeLessThan(1.01 * own);
      await wal.close();
    });

    it("fills a read as far as its bounds allow, from wherever it begins", async () => {
      const { wal, reads } = await withTwoRecords();
      const maxBytes = 30 * ENTRY_BYTES;
      const last = APPENDS - 1;
      for (const from of [1, 5, last, APPENDS + 5]) {
        const read = await wal.read({ from, before: 2 * APPENDS + 1 }, { maxBytes });
        expect(beginnings(read)).toEqual(beginnings(entries(from, 30, 1, ENTRY_BYTES)));
      }
      // The third begins with the end of the one record and goes on in the other.
      expect(reads()).toBe(5);
      await wal.close();
    });

    it("is not kept whole for a few of its entries", async () => {
      const { wal } = await withTwoRecords();
      for (const [from, before] of [
        [1, 2],
        [5, 12],
        [APPENDS, APPENDS + 2],
        [2, 2 * APPENDS],
      ] as const) {
        const read = await wal.read({ from, before });
        expect(beginnings(read)).toEqual(beginnings(entries(from, before - from, 1, ENTRY_BYTES)));
        expect(heldBytes(read)).toBeLessThan(1.01 * (before - from) * ENTRY_BYTES);
      }
      await wal.close();
    });

    it("is found damaged as any other", async () => {
      const { wal, disk } = await withTwoRecords();
      disk.flipBit("0000000000000001.wal", (4096 + 20 * ENTRY_BYTES) * 8);
      expect(await codeOf(wal.read({ from: APPENDS, before: APPENDS + 1 }))).toBe("damaged");
      await wal.close();
    });

    it("is read without what a later append of it replaced", async () => {
      const { wal } = await openTestLog();
      await Promise.all([
        wal.append({ entries: entries(1, 5) }),
        wal.append({ entries: entries(6, 5) }),
        wal.append({ entries: entries(3, 1, 2) }),
        wal.append({ entries: entries(4, 2, 2) }),
      ]);
      expect(wal.figures().batches).toBe(1);
      const expected = [...entries(1, 2), ...entries(3, 3, 2)];
      expect(texts(await wal.read({ from: 1, before: 6 }))).toEqual(texts(expected));
      await wal.close();
    });
  });

  it("refuses what the log does not hold", async () => {
    const { wal } = await openTestLog();
    await wal.append({ entries: entries(1, 10) });
    await wal.append({ snapshot: { index: 5, term: 1 } });
    await wal.dropBefore(4);
    expect(wal.firstIndex).toBe(4);
    expect(await codeOf(wal.read({ from: 3, before: 5 }))).toBe("compacted");
    expect(await codeOf(wal.read({ from: 5, before: 12 }))).toBe("invalid");
    expect(await codeOf(wal.read({ from: 6, before: 5 }))).toBe("invalid");
    expect(await codeOf(wal.read({ from: Number.NaN, before: 5 }))).toBe("invalid");
    expect(wal.termOf(3)).toBe(1);
    expect(wal.termOf(2)).toBeUndefined();
    await wal.close();
  });

  it("finds damage that came after the start", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 10) });
    disk.flipBit("0000000000000001.wal", (4096 + 200) * 8);
    const error = await errorOf(wal.read({ from: 1, before: 11 }));
    expect(error).toMatchObject({ code: "damaged", file: "0000000000000001.wal", offset: 4096 });
    await wal.close();
  });
});
