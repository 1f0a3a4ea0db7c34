import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { entry, errorOf, openTestLog, settle, type TestLog } from "./test-support/test-log.ts";

const SECOND = "0000000000000002.wal";

async function appendTo({ wal }: TestLog, index: number): Promise<void> {
  while (wal.lastIndex < index) await wal.append({ entries: [entry(wal.lastIndex + 1, 1, 900)] });
}

/** Does something, once, when a segment's records are about to be read; the first read of a file is of its header. */
function whenRead(disk: SimulatedDisk, file: string, act: () => Promise<void>): void {
  let reads = 0;
  disk.gate = async ({ kind, name }) => {
    if (kind !== "read" || name !== file || ++reads !== 2) return;
    await act();
  };
}

describe("inspecting a log that is written meanwhile", () => {
  it("takes no record for missing that was written behind its back", async () => {
    const log = await openTestLog();
    await appendTo(log, 10);
    whenRead(log.disk, SECOND, async () => appendTo(log, 15));
    const summary = await inspectWal(log.disk);
    expect(summary.damage).toBeUndefined();
    expect(summary).toMatchObject({ indexes: { from: 1, to: 15 } });
    await log.wal.close();
  });

  it("does not trip over a segment that was dropped meanwhile", async () => {
    const log = await openTestLog();
    await appendTo(log, 40);
    await log.wal.append({ snapshot: { index: 40, term: 1 } });
    whenRead(log.disk, "0000000000000001.wal", async () => log.wal.dropBefore(41));
    const records: number[] = [];
    const summary = await inspectWal(log.disk, { onRecord: ({ sequence }) => records.push(sequence) });
    expect(summary).toMatchObject({ damage: undefined, snapshot: { index: 40, term: 1 } });
    expect(summary.segments).toHaveLength(3);
    expect(records).toEqual(records.toSorted((a, b) => a - b));
    expect(new Set(records).size).toBe(records.length);
    await log.wal.close();
  });

  it("names real damage all the same", async () => {
    const log = await openTestLog();
    await appendTo(log, 30);
    log.disk.flipBit(SECOND, (4096 + 100) * 8);
    let index = 30;
    log.disk.gate = async ({ kind }) => {
      if (kind === "read" && index < 50) await log.wal.append({ entries: [entry(++index, 1, 900)] });
    };
    expect((await inspectWal(log.disk)).damage).toMatchObject({
      code: "damaged",
      file: SECOND,
      offset: 4096,
    });
    await log.wal.close();
  });

  it("gives up when the log changes each time it looks, rather than calling it damaged", async () => {
    const log = await openTestLog();
    await appendTo(log, 10);
    const reads = new Map<string, number>();
    log.disk.gate = async ({ kind, name }) => {
      if (kind === "list") reads.clear();
      if (kind !== "read") return;
      const count = (reads.get(name) ?? 0) + 1;
      reads.set(name, count);
      // The segment that is written was read already, with room left; now it fills, and the log goes on in this one.
      const isNext = Number(name.slice(0, 16)) === log.wal.figures().segments + 1;
      if (isNext && count === 2) await appendTo(log, log.wal.lastIndex + 18);
    };
    const error = await errorOf(inspectWal(log.disk));
    expect(error.code).toBe("busy");
    expect(error.message).toContain("try again");
    log.disk.gate = undefined;
    await log.wal.close();
  });
});

describe("what is said of each segment", () => {
  it("tells the terms, what is known to be durable, and what it is for", async () => {
    const log = await openTestLog();
    await log.wal.append({ entries: [entry(1, 3, 900)] });
    for (let index = 2; index <= 14; index++) await log.wal.append({ entries: [entry(index, 5, 900)] });
    await settle();
    const { segments, isClosed } = await inspectWal(log.disk);
    expect(isClosed).toBe(false);
    expect(segments.map(({ state }) => state)).toEqual(["full", "current", "prepared", "prepared"]);
    const [full, current, prepared] = segments;
    expect(full).toMatchObject({ terms: { from: 3, to: 5 }, usedBytes: 16 * 1024, syncedBytes: 16 * 1024 });
    // Two records of two sectors: the second proves that the first was durable, and nothing proves the second.
    expect(current).toMatchObject({
      terms: { from: 5, to: 5 },
      usedBytes: 4096 + 2048,
      syncedBytes: 4096 + 1024,
    });
    expect(prepared).toMatchObject({ terms: undefined, usedBytes: 4096, syncedBytes: 4096 });
    await log.wal.close();
    expect(await inspectWal(log.disk)).toMatchObject({ isClosed: true });
  });

  it("tells which one is damaged and which ones were therefore not read", async () => {
    const log = await openTestLog();
    await appendTo(log, 40);
    log.disk.flipBit(SECOND, (4096 + 1024 + 100) * 8);
    const { segments } = await inspectWal(new SimulatedDisk(log.disk.present()));
    const states = segments.map(({ state }) => state);
    expect(states.slice(0, 3)).toEqual(["full", "damaged", "unread"]);
    expect(new Set(states.slice(2))).toEqual(new Set(["unread"]));
    await log.wal.close();
  });
});
