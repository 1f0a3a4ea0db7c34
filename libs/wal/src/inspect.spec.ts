import { describe, expect, it } from "@jest/globals";

import { inspectWal, type RecordSummary } from "./inspect.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { bytesOf, entries, entry, openTestLog } from "./test-support/test-log.ts";

describe("inspecting a log", () => {
  it("tells of segments, records, entries, hard states and snapshot marks, and changes nothing", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3), hardState: bytesOf("one") });
    await wal.append({ entries: [...entries(3, 1, 2), ...entries(4, 2, 3)] });
    await wal.append({ snapshot: { index: 2, term: 1 } });
    for (let index = 6; index <= 20; index++) await wal.append({ entries: [entry(index, 3, 900)] });
    const image = new SimulatedDisk(disk.present());
    const records: RecordSummary[] = [];
    const summary = await inspectWal(image, { onRecord: (record) => records.push(record) });
    expect(image.events).toEqual([]);
    expect(summary).toMatchObject({
      logId: expect.stringMatching(/^[0-9a-f]{32}$/),
      indexes: { from: 1, to: 20 },
      snapshot: { index: 2, term: 1 },
      records: 18,
      tornTail: undefined,
      damage: undefined,
      spareFiles: [],
    });
    expect(Buffer.from(summary.hardState ?? []).toString()).toBe("one");
    expect(summary.segments.map(({ records: count }) => count)).toEqual([13, 5, 0, 0]);
    expect(summary.segments[0]).toMatchObject({
      file: "0000000000000001.wal",
      number: 1,
      bytes: 16 * 1024,
      hardStates: 1,
      snapshotMarks: 1,
      indexes: { from: 1, to: 15 },
      usedBytes: 4096 + 3 * 512 + 10 * 1024,
    });
    expect(records[0]).toMatchObject({ sequence: 1, offset: 4096, hasBase: true });
    expect(records[1]).toMatchObject({
      sequence: 2,
      hasBase: false,
      entries: [{ from: 3, to: 5, firstTerm: 2, lastTerm: 3 }],
    });
    expect(records[2]?.snapshots).toEqual([{ index: 2, term: 1, installed: false }]);
    await wal.close();
  });

  it("goes without the lock, beside the process that has the log open", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    expect(await inspectWal(disk)).toMatchObject({ records: 1, indexes: { from: 1, to: 3 } });
    await wal.close();
  });

  it("tells of an empty directory that it holds no log", async () => {
    expect(await inspectWal(new SimulatedDisk())).toMatchObject({
      logId: undefined,
      segments: [],
      records: 0,
    });
  });

  it("tells where the damage is, and of what comes before it", async () => {
    const { wal, disk } = await openTestLog();
    for (let index = 1; index <= 5; index++) await wal.append({ entries: [entry(index)] });
    disk.flipBit("0000000000000001.wal", (4096 + 2 * 512 + 40) * 8);
    expect(await inspectWal(disk)).toMatchObject({
      records: 2,
      indexes: { from: 1, to: 2 },
      damage: { code: "damaged", file: "0000000000000001.wal", offset: 4096 + 1024 },
    });
    await wal.close();
  });
});
