import { describe, expect, it } from "@jest/globals";

import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { codeOf, entries, entry, openTestLog, settle } from "./test-support/test-log.ts";

const SEGMENT = 16 * 1024;
const ROOM = 3 * SEGMENT;

/** A log with room for a snapshot on a disk that has nothing left. */
async function openOnFullDisk({ tellsFreeBytes = true } = {}) {
  const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT + ROOM });
  if (!tellsFreeBytes) Object.defineProperty(disk, "freeBytes", { value: undefined });
  const log = await openTestLog({ disk });
  await log.wal.reserveSnapshotRoom(ROOM);
  expect(log.wal.state).toBe("open");
  return log;
}

describe("the room for a snapshot, on a full disk", () => {
  it.each([true, false])(
    "is the snapshot's, whatever the log is short of when it begins (free space told: %s)",
    async (tellsFreeBytes) => {
      const { wal, disk } = await openOnFullDisk({ tellsFreeBytes });
      let index = 0;
      while (wal.state === "open") {
        await wal.append({ entries: [entry(++index, 1, 900)] });
        await settle();
      }
      await wal.withSnapshotRoom(async () => {
        expect(disk.capacityBytes - disk.usedBytes).toBeGreaterThanOrEqual(ROOM);
      });
      await settle();
      expect(wal.figures().snapshotRoomBytes).toBe(ROOM);
      await wal.append({ snapshot: { index, term: 1 } });
      await wal.dropBefore(index + 1);
      expect(wal.state).toBe("open");
      await wal.close();
    },
  );

  it("is the snapshot's, whatever the log comes to need while it is written", async () => {
    const { wal, disk, clock } = await openOnFullDisk();
    let index = 0;
    await wal.withSnapshotRoom(async () => {
      while ((await codeOf(wal.append({ entries: [entry(index + 1, 1, 900)] }))) !== "no-space") {
        index++;
        await settle();
      }
      clock.elapse(1000);
      await settle();
      expect(wal.state).toBe("out-of-space");
      expect(disk.capacityBytes - disk.usedBytes).toBeGreaterThanOrEqual(ROOM);
    });
    await settle();
    expect(wal.figures().snapshotRoomBytes).toBe(ROOM);
    await wal.append({ snapshot: { index, term: 1 } });
    await wal.dropBefore(index + 1);
    expect(wal.state).toBe("open");
    await wal.close();
  });
});

describe("the room for a snapshot, on a disk with space", () => {
  it("does not keep the log from preparing segments while a snapshot is written", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 20 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    await wal.reserveSnapshotRoom(ROOM);
    await wal.withSnapshotRoom(async () => {
      for (let index = 1; index <= 60; index++) {
        await wal.append({ entries: [entry(index, 1, 900)] });
        await settle();
      }
      expect(wal.state).toBe("open");
    });
    await wal.close();
  });

  it("does not keep the log from recycling what it has, however full the disk is", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 12 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    for (let index = 1; index <= 40; index++) await wal.append({ entries: [entry(index, 1, 900)] });
    await wal.append({ snapshot: { index: 40, term: 1 } });
    await wal.reserveSnapshotRoom(ROOM);
    disk.capacityBytes = disk.usedBytes;
    await wal.withSnapshotRoom(async () => {
      await wal.dropBefore(41);
      for (let index = 41; index <= 70; index++) {
        await wal.append({ entries: [entry(index, 1, 900)] });
        await wal.append({ snapshot: { index, term: 1 } });
        await wal.dropBefore(index + 1);
      }
      expect(wal.state).toBe("open");
    });
    await wal.close();
  });

  it("is reserved beside the appends, which do not wait for all of it", async () => {
    const { wal, disk } = await openTestLog();
    const pieces = 8;
    let [written, appended] = [0, 0];
    let release: (() => void) | undefined;
    disk.gate = async ({ kind, name }) => {
      if (kind !== "write" || name !== "snapshot.room") return;
      written++;
      await new Promise<void>((resolve) => (release = resolve));
    };
    const reserving = wal.reserveSnapshotRoom(pieces * 1024 * 1024);
    const appends = entries(1, 60, 1, 900).map(async (one) => {
      await wal.append({ entries: [one] });
      appended++;
    });
    await settle();
    while (appended < 60 && written <= pieces) {
      release?.();
      await settle();
    }
    expect(written).toBeLessThan(pieces);
    disk.gate = undefined;
    release?.();
    await Promise.all([reserving, ...appends]);
    expect(wal.figures().snapshotRoomBytes).toBe(pieces * 1024 * 1024);
    await wal.close();
  });
});
