import { describe, expect, it } from "@jest/globals";

import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { crashImage } from "./test-support/crash-image.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { bytesOf, codeOf, contentOf, entry, errorOf, openTestLog, reopen } from "./test-support/test-log.ts";

/** Bounds under which one append is larger than a segment was before. */
const LARGER = {
  segmentBytes: 64 * 1024,
  appendBytes: 30 * 1024,
  batchBytes: 30 * 1024,
  queuedBytes: 64 * 1024,
};

describe("a log that is opened with larger bounds", () => {
  it("takes an append that no segment could hold that was prepared before", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: [entry(1)], hardState: bytesOf("voted") });
    await wal.close();
    const larger = (await openTestLog({ disk, limits: LARGER })).wal;
    await larger.append({ entries: [entry(2, 1, 20_000)] });
    expect(larger).toMatchObject({ state: "open", lastIndex: 2 });
    await larger.close();
    const { wal: again } = await reopen(disk.present(), { limits: LARGER });
    expect(await contentOf(again)).toHaveLength(2);
    expect(Buffer.from(again.hardState ?? []).toString()).toBe("voted");
    await again.close();
  });

  it("takes it in a log that has no record yet, too", async () => {
    const { wal, disk } = await openTestLog();
    await wal.close();
    const { wal: larger } = await reopen(disk.present(), { limits: LARGER });
    await larger.append({ entries: [entry(1, 1, 20_000)] });
    await larger.append({ snapshot: { index: 1, term: 1 } });
    await larger.dropBefore(2);
    expect(larger.figures()).toMatchObject({ segments: 1, segmentsAhead: 2 });
    await larger.close();
  });

  it("gives up the segments that are too small one after the other, so that a power failure leaves no gap", async () => {
    const { wal, disk } = await openTestLog({ limits: { segmentsAhead: 4 } });
    await wal.append({ entries: [entry(1)] });
    const present = disk.present();
    const { disk: larger } = await reopen(present, { limits: LARGER });
    const random = seededRandom(1);
    for (let at = 0; at <= larger.events.length; at++) {
      for (let count = 0; count < 5; count++) {
        const image = crashImage(larger, { at, tearing: "mixed", random });
        expect((await reopen(image, { limits: LARGER })).wal.lastIndex).toBe(1);
      }
    }
  });

  it("keeps prepared segments that still hold every append", async () => {
    const { wal, disk } = await openTestLog();
    await wal.close();
    const again = (await openTestLog({ disk, limits: { segmentBytes: 32 * 1024 } })).wal;
    expect(again.figures()).toMatchObject({ segmentsAhead: 2, segmentsCreated: 0 });
    await again.close();
  });
});

describe("a log that is opened with smaller bounds", () => {
  it("is refused when its hard state is beyond them, since no segment could begin with it", async () => {
    const { wal, disk } = await openTestLog({ limits: { hardStateBytes: 2048 } });
    await wal.append({ hardState: bytesOf("x", 2000) });
    await wal.close();
    const image = disk.present();
    const smaller = new SimulatedDisk(image);
    const error = await errorOf(openTestLog({ disk: smaller }));
    expect(error.code).toBe("invalid");
    expect(error.message).toContain("hardStateBytes");
    expect(smaller.events).toEqual([]);
    expect(await codeOf(reopen(image, { limits: { hardStateBytes: 2000 } }))).toBeUndefined();
  });
});
