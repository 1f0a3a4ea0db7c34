import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { readFixtures } from "./test-support/fixtures.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { contentOf, entry, openTestLog } from "./test-support/test-log.ts";

describe("logs of format version 1", () => {
  const fixtures = readFixtures(1);

  it("are kept for ever", () => {
    expect(fixtures.map(({ name }) => name).sort()).toEqual([
      "closed",
      "installed-snapshot",
      "many-segments",
      "recycled",
      "torn-tail",
    ]);
  });

  it.each(fixtures)("open and go on: $name", async ({ image, expected }) => {
    const disk = new SimulatedDisk(image);
    expect(await inspectWal(disk)).toMatchObject({ damage: undefined });
    const { wal } = await openTestLog({ disk });
    expect({
      firstIndex: wal.firstIndex,
      entries: await contentOf(wal),
      hardState: wal.hardState === undefined ? null : Buffer.from(wal.hardState).toString("latin1"),
      snapshot: wal.snapshot ?? null,
      tornTail: wal.tornTail ?? null,
    }).toEqual(expected);
    const next = wal.lastIndex + 1;
    await wal.append({ entries: [entry(next, 2 ** 34)] });
    await wal.close();
    const again = (await openTestLog({ disk })).wal;
    expect(again.lastIndex).toBe(next);
    await again.close();
  });
});
