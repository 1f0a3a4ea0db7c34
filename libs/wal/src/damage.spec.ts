import { crc32 } from "node:zlib";

import { beforeAll, describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { crashImage } from "./test-support/crash-image.ts";
import { differenceFrom, showLog } from "./test-support/log-model.ts";
import { type Load, runLoad } from "./test-support/random-load.ts";
import { below, seededRandom } from "./test-support/seeded-random.ts";
import { type DiskImage, SimulatedDisk } from "./test-support/simulated-disk.ts";
import { bytesOf, contentOf, entries, entry, errorOf, openTestLog, reopen } from "./test-support/test-log.ts";

const FIRST = "0000000000000001.wal";
const SECOND = "0000000000000002.wal";
const THIRD = "0000000000000003.wal";

/** A log of a few segments that was not closed: its last record has nothing after it. */
async function makeLog(): Promise<DiskImage> {
  const { wal, disk } = await openTestLog();
  for (let index = 1; index <= 60; index++) {
    await wal.append({ entries: [entry(index, 1, 400)], hardState: bytesOf(`hard state ${index}`) });
  }
  return disk.present();
}

/** A copy of an image with one file changed, or without it. */
function changed(image: DiskImage, name: string, change: (content: Buffer) => Buffer | undefined): DiskImage {
  const next: Map<string, Buffer> = new Map(
    [...image].map(([file, content]) => [file, Buffer.from(content)]),
  );
  const content = change(next.get(name) ?? Buffer.alloc(0));
  if (content === undefined) next.delete(name);
  else next.set(name, content);
  return next;
}

const zeroed = (from: number, to: number) => (content: Buffer) => {
  content.fill(0, from, to);
  return content;
};

/** Opens what must be refused, and checks that this changed nothing. */
async function refusal(image: DiskImage) {
  const disk = new SimulatedDisk(image);
  const error = await errorOf(openTestLog({ disk }));
  expect(disk.events).toEqual([]);
  expect((await inspectWal(new SimulatedDisk(image))).damage).toMatchObject({
    code: error.code,
    message: error.message,
  });
  return error;
}

describe("a damaged log", () => {
  let image: DiskImage;
  let used: readonly { readonly file: string; readonly usedBytes: number }[];

  beforeAll(async () => {
    image = await makeLog();
    used = (await inspectWal(new SimulatedDisk(image))).segments.filter(({ records }) => records > 0);
    expect(used.length).toBeGreaterThanOrEqual(3);
  });

  it("is refused for any one bit that changed, down to the last record, naming file and place", async () => {
    const random = seededRandom(11);
    for (const { file, usedBytes } of used) {
      for (let count = 0; count < 400; count++) {
        const bit = below(usedBytes * 8, random);
        const error = await refusal(changed(image, file, (content) => flipped(content, bit)));
        expect(error).toMatchObject({ code: "damaged", file });
        expect(error.message).toContain(file);
        expect(error.message).toContain(`byte ${error.offset}`);
        expect(Math.abs((error.offset ?? 0) - bit / 8)).toBeLessThan(2048);
      }
    }
  });

  it("is not refused for a bit where nothing was written yet", async () => {
    const last = used.at(-1);
    const name = last?.file ?? "";
    const first = (last?.usedBytes ?? 0) * 8;
    const random = seededRandom(12);
    for (let count = 0; count < 100; count++) {
      const bit = first + below(16 * 1024 * 8 - first, random);
      const { wal } = await reopen(changed(image, name, (content) => flipped(content, bit)));
      expect(wal.lastIndex).toBe(60);
    }
  });

  it("is refused when a sector in its middle was lost, and no record after it is taken", async () => {
    for (const offset of [4096, 4096 + 512, 4096 + 1024, 4096 + 4096]) {
      const error = await refusal(changed(image, FIRST, zeroed(offset, offset + 512)));
      expect(error).toMatchObject({ code: "damaged", file: FIRST });
      expect(error.message).toContain("written after it was durable");
    }
  });

  it("is refused when the last record of a segment was lost, while the next segment goes on", async () => {
    const end = used[0]?.usedBytes ?? 0;
    const error = await refusal(changed(image, FIRST, zeroed(end - 1024, end)));
    expect(error).toMatchObject({ code: "damaged", file: FIRST, offset: end - 1024 });
  });

  it("is refused when the end of a segment was lost with all the next one's records", async () => {
    const lost = changed(image, SECOND, zeroed(4096, 16 * 1024));
    expect(await refusal(lost)).toMatchObject({ code: "damaged", file: FIRST });
  });

  it.each([FIRST, SECOND])("is refused without its segment %s", async (name) => {
    const error = await refusal(changed(image, name, () => undefined));
    expect(error).toMatchObject({ code: "damaged", file: name === FIRST ? SECOND : name });
  });

  it("is refused with a segment that became shorter", async () => {
    const error = await refusal(changed(image, SECOND, (content) => content.subarray(0, 8192)));
    expect(error).toMatchObject({ code: "damaged", file: SECOND });
    expect(await refusal(changed(image, SECOND, () => Buffer.alloc(0)))).toMatchObject({ file: SECOND });
  });

  it("is refused with segments that changed places, or came from another log", async () => {
    const [second, third] = [image.get(SECOND), image.get(THIRD)];
    const swapped = changed(
      changed(image, SECOND, () => third),
      THIRD,
      () => second,
    );
    expect(await refusal(swapped)).toMatchObject({ code: "damaged", file: SECOND });
    const other = await openTestLog({ seed: 99 });
    for (let index = 1; index <= 60; index++) await other.wal.append({ entries: [entry(index, 1, 400)] });
    const mixed = changed(image, SECOND, () => other.disk.present().get(SECOND));
    expect((await refusal(mixed)).message).toContain("another log");
  });

  it("is refused when it was put together from two copies that had gone different ways", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: [entry(1, 1, 400)] });
    const goOn = async (copy: string): Promise<DiskImage> => {
      const log = await reopen(disk.present());
      for (let index = 2; index <= 30; index++) {
        await log.wal.append({ entries: [{ index, term: 1, bytes: bytesOf(`${copy}${index}`, 400) }] });
      }
      return log.disk.present();
    };
    const [one, other] = [await goOn("a"), await goOn("b")];
    const mixed = changed(one, SECOND, () => other.get(SECOND));
    const error = await refusal(mixed);
    expect(error).toMatchObject({ code: "damaged", file: FIRST });
    expect(error.message).toContain("does not follow from the record before it");
  });

  it("is refused when all its segments are gone and only dropped ones are left", async () => {
    const { wal, disk } = await openTestLog();
    for (let index = 1; index <= 60; index++) await wal.append({ entries: [entry(index, 1, 400)] });
    await wal.append({ snapshot: { index: 60, term: 1 } });
    await wal.dropBefore(61);
    const spares = [...disk.present()].filter(([name]) => name.endsWith(".spare"));
    expect(spares.length).toBeGreaterThan(0);
    expect(await refusal(new Map(spares))).toMatchObject({ code: "damaged" });
  });

  it("is refused when all its segments are gone and only the room for its next snapshot is left", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ hardState: bytesOf("voted in term 7") });
    await wal.reserveSnapshotRoom(10_000);
    const room = [...disk.present()].filter(([name]) => name === "snapshot.room");
    expect(await refusal(new Map(room))).toMatchObject({ code: "damaged", file: FIRST });
  });

  it("is refused when entries behind its snapshot mark are missing", async () => {
    const { wal, disk } = await openTestLog();
    for (let index = 1; index <= 60; index++) await wal.append({ entries: [entry(index, 1, 400)] });
    await wal.append({ snapshot: { index: 5, term: 1 } });
    const error = await refusal(changed(disk.present(), FIRST, () => undefined));
    expect(error.message).toContain("entries from the snapshot mark at 5");
  });

  it("of a later format is refused as such", async () => {
    const later = changed(image, FIRST, (content) => {
      content.writeUInt32LE(2, 8);
      content.writeUInt32LE(crc32(content.subarray(0, 60)), 60);
      return content;
    });
    const error = await refusal(later);
    expect(error).toMatchObject({ code: "unsupported-format", file: FIRST, offset: 8 });
    expect(error.message).toContain("version 2");
  });
});

describe("the torn end of an interrupted write", () => {
  it("is taken away and reported, whichever of its sectors arrived", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    const { usedBytes } = (await inspectWal(disk)).segments[0] ?? { usedBytes: 0 };
    await wal.append({ entries: [entry(4, 1, 1600)] });
    const whole = disk.present();
    for (let missing = 1; missing < 15; missing++) {
      const torn = changed(whole, FIRST, (content) => {
        for (let sector = 0; sector < 4; sector++) {
          if ((missing & (1 << sector)) !== 0)
            zeroed(usedBytes + sector * 512, usedBytes + sector * 512 + 512)(content);
        }
        return content;
      });
      const arrived = [0, 1, 2, 3].filter((sector) => (missing & (1 << sector)) === 0);
      const from = usedBytes + (arrived[0] ?? 0) * 512;
      const bytes = ((arrived.at(-1) ?? 0) - (arrived[0] ?? 0) + 1) * 512;
      const expected = { file: FIRST, offset: from, bytes };
      expect((await inspectWal(new SimulatedDisk(torn))).tornTail).toEqual(expected);
      const { wal: again, disk: repaired } = await reopen(torn);
      expect(again).toMatchObject({ lastIndex: 3, tornTail: expected });
      // A shorter record is written over it: what was left of the torn one is not in the way.
      await again.append({ entries: [entry(4, 2, 10)] });
      const last = (await reopen(repaired.present())).wal;
      expect(last).toMatchObject({ lastIndex: 4, tornTail: undefined });
      expect((await contentOf(last)).at(-1)).toContain("4@2");
    }
  });

  it("is taken away beyond the page that the next record ends on, too", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    await wal.append({ entries: [entry(4, 1, 4000)] });
    const torn = changed(disk.present(), FIRST, zeroed(4096 + 512, 4096 + 8 * 512));
    const { wal: again, disk: repaired } = await reopen(torn);
    expect(again).toMatchObject({
      lastIndex: 3,
      tornTail: { file: FIRST, offset: 4096 + 8 * 512, bytes: 512 },
    });
    for (let index = 4; index < 12; index++) {
      await again.append({ entries: [entry(index, 2, 10)] });
      const { wal: last } = await reopen(repaired.present());
      expect(last).toMatchObject({ lastIndex: index, tornTail: undefined });
    }
  });

  it("is taken away by a repair that may itself be interrupted, at any byte", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    await wal.append({ entries: [entry(4, 1, 4000)] });
    const torn = changed(disk.present(), FIRST, zeroed(4096 + 3 * 512, 4096 + 4 * 512));
    const { disk: repaired } = await reopen(torn);
    const random = seededRandom(9);
    for (let at = 0; at <= repaired.events.length; at++) {
      for (let count = 0; count < 50; count++) {
        const image = crashImage(repaired, { at, tearing: "bytes", random });
        expect((await reopen(image)).wal.lastIndex).toBe(3);
      }
    }
  });

  it("at the beginning of a segment is taken away, though the segment before it goes on then", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: [entry(1, 1, 4000)] });
    await wal.append({ entries: [entry(2, 1, 4000)] });
    await wal.append({ entries: [entry(3, 1, 4000)] });
    const torn = changed(disk.present(), SECOND, zeroed(4096, 4096 + 512));
    const { wal: again, disk: repaired } = await reopen(torn);
    expect(again).toMatchObject({ lastIndex: 2, tornTail: { file: SECOND, offset: 4096 + 512 } });
    await again.append({ entries: [entry(3, 2, 10)] });
    expect(again.figures().segments).toBe(1);
    expect((await reopen(repaired.present())).wal.lastIndex).toBe(3);
  });

  it("is not what a log that was closed ends with: there it is damage", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 3) });
    await wal.close();
    const lost = changed(disk.present(), FIRST, zeroed(4096, 4096 + 512));
    expect(await refusal(lost)).toMatchObject({ code: "damaged", file: FIRST, offset: 4096 });
  });
});

describe("any image with a bit changed", () => {
  it("opens as it was or not at all", async () => {
    const random = seededRandom(5);
    const load: Load = await runLoad(60, random);
    const present = load.disk.present();
    const model = load.models.at(-1);
    if (model === undefined) throw new Error("a load has states");
    const names = [...present.keys()].sort();
    let refused = 0;
    for (let count = 0; count < 1000; count++) {
      const name = names[below(names.length, random)] ?? "";
      const bit = below((present.get(name)?.length ?? 0) * 8, random);
      try {
        const { wal } = await reopen(changed(present, name, (content) => flipped(content, bit)));
        expect(differenceFrom(model, await showLog(wal), load.droppedBefore.at(-1) ?? 1)).toBeUndefined();
      } catch (error) {
        expect(error).toMatchObject({ code: "damaged", file: name });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});

function flipped(content: Buffer, bit: number): Buffer {
  const at = Math.floor(bit / 8);
  content.writeUInt8(content.readUInt8(at) ^ (1 << (bit % 8)), at);
  return content;
}
