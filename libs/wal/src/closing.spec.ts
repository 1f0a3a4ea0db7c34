import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { codeOf, entries, entry, openTestLog, reopen, settle } from "./test-support/test-log.ts";

describe("closing", () => {
  it("finishes what was accepted and refuses what comes after", async () => {
    const { wal, disk } = await openTestLog();
    const append = wal.append({ entries: entries(1, 3) });
    const closed = wal.close();
    expect(await codeOf(wal.append({ entries: entries(4, 1) }))).toBe("closed");
    await Promise.all([append, closed, wal.close()]);
    expect(wal.state).toBe("closed");
    expect(await codeOf(wal.read({ from: 1, before: 2 }))).toBe("closed");
    expect(await codeOf(wal.dropBefore(1))).toBe("closed");
    const { wal: again } = await reopen(disk.present());
    expect(again.lastIndex).toBe(3);
    await again.close();
  });

  it("adds its end mark once, however often it is opened and closed", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    await wal.close();
    const { records } = await inspectWal(disk);
    for (let count = 0; count < 3; count++) await (await openTestLog({ disk })).wal.close();
    expect((await inspectWal(disk)).records).toBe(records);
    expect(records).toBe(2);
  });

  it("lets one opener in at a time", async () => {
    const { wal, disk } = await openTestLog();
    expect(await codeOf(openTestLog({ disk }))).toBe("locked");
    await wal.close();
    await (await openTestLog({ disk })).wal.close();
  });

  it("ends the reads that are on their way, rather than call damaged what another opener changed meanwhile", async () => {
    const { wal, disk } = await openTestLog();
    for (let index = 1; index <= 40; index++) await wal.append({ entries: [entry(index, 1, 900)] });
    await wal.append({ snapshot: { index: 40, term: 1 } });
    let release = (): void => undefined;
    disk.gate = async ({ kind }) => {
      if (kind === "read") await new Promise<void>((resolve) => (release = resolve));
    };
    const reading = codeOf(wal.read({ from: 1, before: 3 }));
    await settle();
    disk.gate = undefined;
    await wal.close();
    const again = (await openTestLog({ disk, seed: 2 })).wal;
    await again.dropBefore(41);
    for (let index = 41; index <= 100; index++) await again.append({ entries: [entry(index, 1, 900)] });
    release();
    expect(await reading).toBe("closed");
    await again.close();
  });

  it("does not wait for room that is being reserved", async () => {
    const { wal, disk, states } = await openTestLog();
    const pieces = 8;
    let written = 0;
    let closed: Promise<void> | undefined;
    disk.gate = async ({ kind, name }) => {
      if (kind !== "write" || name !== "snapshot.room") return;
      if (++written === 2) closed = wal.close();
    };
    await wal.reserveSnapshotRoom(pieces * 1024 * 1024);
    await closed;
    expect(written).toBe(2);
    expect(states).toEqual(["closed"]);
    const again = (await openTestLog({ disk })).wal;
    expect(again.figures().snapshotRoomBytes).toBe(2 * 1024 * 1024);
    await again.close();
  });
});
