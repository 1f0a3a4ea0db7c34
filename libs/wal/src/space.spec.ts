import { describe, expect, it } from "@jest/globals";

import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import {
  bytesOf,
  codeOf,
  contentOf,
  entries,
  entry,
  openTestLog,
  reopen,
  settle,
} from "./test-support/test-log.ts";

const SEGMENT = 16 * 1024;

describe("reserving space", () => {
  it("is done when the log is made, so that a new log on a full disk is refused", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: SEGMENT - 1 });
    expect(await codeOf(openTestLog({ disk }))).toBe("no-space");
    // It keeps nothing of the little that there was.
    expect(disk.usedBytes).toBe(0);
    disk.capacityBytes = 3 * SEGMENT;
    const { wal } = await openTestLog({ disk });
    expect(wal).toMatchObject({ state: "open" });
    expect(disk.usedBytes).toBe(3 * SEGMENT);
    await wal.close();
  });

  it("that fails is reported before anything is accepted, and recovers by itself", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT + 100 });
    const { wal, clock, states } = await openTestLog({ disk });
    let index = 1;
    while (wal.state === "open") {
      await wal.append({ entries: [entry(index++, 1, 900)] });
      await settle();
    }
    expect(wal.state).toBe("out-of-space");
    expect(wal.figures().segmentsAhead).toBe(1);
    const events = disk.events.length;
    expect(await codeOf(wal.append({ entries: [entry(index, 1, 900)] }))).toBe("no-space");
    expect(disk.events).toHaveLength(events);

    clock.elapse(1000);
    await settle();
    expect(wal.state).toBe("out-of-space");
    disk.capacityBytes += SEGMENT;
    clock.elapse(1000);
    await settle();
    expect(wal.state).toBe("open");
    await wal.append({ entries: [entry(index, 1, 900)] });
    expect(wal.lastIndex).toBe(index);
    await settle();
    expect(states).toEqual(["out-of-space", "open"]);
    await wal.close();
    expect(clock.waiting).toBe(0);
  });

  it("that fails lets hard states and snapshot marks through, as long as the reserve lasts", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT });
    const { wal: before } = await openTestLog({ disk });
    await before.append({ entries: [entry(1)] });
    await before.close();
    const image = new Map([...disk.present()].filter(([name]) => name !== "0000000000000003.wal"));
    const full = new SimulatedDisk(image, { capacityBytes: 2 * SEGMENT });
    const { wal } = await openTestLog({ disk: full });
    expect(wal.state).toBe("out-of-space");
    let taken = 1;
    let code: string | undefined;
    while (code === undefined) {
      code = await codeOf(wal.append({ hardState: bytesOf(`term ${++taken}`) }));
    }
    expect(code).toBe("no-space");
    // A sector each, but for the entry, the end mark, and the one that is refused.
    expect(taken - 2).toBe(2 * ((SEGMENT - 4096) / 512) - 2);
    expect(wal.state).toBe("out-of-space");
    expect(Buffer.from(wal.hardState ?? []).toString()).toBe(`term ${taken - 1}`);
    const { wal: again } = await reopen(full.present());
    expect(Buffer.from(again.hardState ?? []).toString()).toBe(`term ${taken - 1}`);
  });

  it("is not needed for hard states alone, whose segments are recycled by themselves", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    for (let count = 0; count < 500; count++) await wal.append({ hardState: bytesOf(`term ${count}`) });
    expect(wal.state).toBe("open");
    const { wal: again } = await reopen(disk.present());
    expect(Buffer.from(again.hardState ?? []).toString()).toBe("term 499");
  });

  it("that fails while appends wait refuses them, and the log is as if they had never come", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT });
    const { wal, clock } = await openTestLog({ disk, limits: { queuedBytes: 128 * 1024 } });
    const results = await Promise.allSettled(
      entries(1, 40, 1, 2000).map((one) => wal.append({ entries: [one] })),
    );
    const durable = results.filter(({ status }) => status === "fulfilled").length;
    expect(durable).toBeGreaterThan(5);
    expect(durable).toBeLessThan(40);
    for (const result of results.slice(durable)) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "no-space" },
      });
    }
    expect(wal.lastIndex).toBe(durable);
    disk.capacityBytes = 10 * SEGMENT;
    clock.elapse(1000);
    await settle();
    await wal.append({ entries: [entry(durable + 1)] });
    expect(await contentOf(wal)).toHaveLength(durable + 1);
    await wal.close();
  });

  it("succeeds again when entries are dropped, without waiting", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 4 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    let index = 1;
    while (wal.state === "open") {
      await wal.append({ entries: [entry(index++, 1, 900)] });
      await settle();
    }
    await wal.append({ snapshot: { index: index - 1, term: 1 } });
    await wal.dropBefore(index);
    expect(wal.state).toBe("open");
    await wal.append({ entries: [entry(index)] });
    await wal.close();
  });

  it("that fails at a start leaves the log readable", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    await wal.close();
    const image = new Map([...disk.present()].filter(([name]) => name === "0000000000000001.wal"));
    const full = new SimulatedDisk(image, { capacityBytes: SEGMENT });
    const again = (await openTestLog({ disk: full })).wal;
    expect(again.state).toBe("out-of-space");
    expect(await contentOf(again)).toHaveLength(3);
    await again.close();
  });

  it("that fails leaves no half-made file behind", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 2.5 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    expect(wal.state).toBe("out-of-space");
    expect(disk.usedBytes).toBe(2 * SEGMENT);
    expect([...disk.present().keys()].filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await wal.close();
  });
});

describe("the room for a snapshot", () => {
  const ROOM = 40 * 1024;

  it("is reserved, given up while a snapshot is written, and reserved again", async () => {
    const { wal, disk } = await openTestLog();
    await wal.reserveSnapshotRoom(ROOM);
    expect(wal.figures().snapshotRoomBytes).toBe(ROOM);
    expect(disk.usedBytes).toBe(3 * SEGMENT + ROOM);
    const result = await wal.withSnapshotRoom(async () => {
      expect(disk.usedBytes).toBe(3 * SEGMENT);
      return "written";
    });
    await settle();
    expect(result).toBe("written");
    expect(wal.figures().snapshotRoomBytes).toBe(ROOM);
    await wal.reserveSnapshotRoom(1000);
    expect(disk.usedBytes).toBe(3 * SEGMENT + 1000);
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again.figures().snapshotRoomBytes).toBe(1000);
    await again.close();
  });

  it("is reserved again when writing the snapshot failed", async () => {
    const { wal } = await openTestLog();
    await wal.reserveSnapshotRoom(ROOM);
    const failing = wal.withSnapshotRoom(async () => {
      throw new Error("no snapshot");
    });
    await expect(failing).rejects.toThrow("no snapshot");
    await settle();
    expect(wal.figures().snapshotRoomBytes).toBe(ROOM);
    await wal.close();
  });

  it("that cannot be reserved puts the log out of space until it can", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 3 * SEGMENT + ROOM });
    const { wal, clock } = await openTestLog({ disk });
    await wal.reserveSnapshotRoom(ROOM + 1);
    expect(wal.state).toBe("out-of-space");
    expect(await codeOf(wal.append({ entries: [entry(1)] }))).toBe("no-space");
    disk.capacityBytes += 1;
    clock.elapse(1000);
    await settle();
    expect(wal.state).toBe("open");
    await wal.close();
  });

  it("is worth more than spare segments, which are given up for it", async () => {
    const disk = new SimulatedDisk(new Map(), { capacityBytes: 7 * SEGMENT });
    const { wal } = await openTestLog({ disk });
    for (let index = 1; index <= 40; index++) {
      await wal.append({ entries: [entry(index, 1, 900)] });
    }
    await wal.append({ snapshot: { index: 40, term: 1 } });
    await wal.dropBefore(41);
    expect(wal.figures().spareSegments).toBe(2);
    await wal.reserveSnapshotRoom(4 * SEGMENT);
    expect(wal).toMatchObject({ state: "open" });
    expect(wal.figures()).toMatchObject({ spareSegments: 0, snapshotRoomBytes: 4 * SEGMENT });
    await wal.close();
  });

  it.each([-1, 0.5, Number.NaN])("is not of %d bytes", async (bytes) => {
    const { wal } = await openTestLog();
    expect(await codeOf(wal.reserveSnapshotRoom(bytes))).toBe("invalid");
    await wal.close();
  });
});

describe("limits", () => {
  it.each([
    { segmentBytes: 5000 },
    { segmentBytes: 8192 },
    { segmentBytes: 512 * 1024 * 1024 },
    { batchBytes: 100 },
    { batchBytes: 16 * 1024 },
    { queuedAppends: 0 },
    { appendBytes: 1.5 },
    { spareSegments: -1 },
  ])("that cannot hold together are refused: %j", async (limits) => {
    const disk = new SimulatedDisk();
    expect(await codeOf(openTestLog({ disk, limits }))).toBe("invalid");
    expect(disk.events).toEqual([]);
  });

  it("may change between starts", async () => {
    const { wal, disk } = await openTestLog();
    for (let index = 1; index <= 30; index++) await wal.append({ entries: [entry(index, 1, 900)] });
    await wal.close();
    const larger = (await openTestLog({ disk, limits: { segmentBytes: 32 * 1024 } })).wal;
    for (let index = 31; index <= 100; index++) await larger.append({ entries: [entry(index, 1, 900)] });
    await larger.append({ snapshot: { index: 90, term: 1 } });
    await larger.dropBefore(91);
    await larger.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again.lastIndex).toBe(100);
    expect((await contentOf(again)).at(-1)).toContain("100@1");
    await again.close();
  });
});
