/**
 * Writes the fixtures of the present format version: `node libs/wal/src/test-support/make-fixtures.ts`. Run once for each version, and commit
 * what it writes; the fixtures of a version never change afterwards, since logs like them are on people's disks.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { FORMAT_VERSION } from "../format.ts";
import { inspectWal } from "../inspect.ts";
import type { WalLimits } from "../limits.ts";
import type { Wal } from "../wal.ts";
import { fixturesDirectory, type FixtureExpectation } from "./fixtures.ts";
import { type DiskImage, SimulatedDisk } from "./simulated-disk.ts";
import { bytesOf, contentOf, entries, entry, openTestLog } from "./test-log.ts";

const LIMITS: Partial<WalLimits> = {
  segmentBytes: 12 * 1024,
  segmentsAhead: 1,
  spareSegments: 1,
  appendBytes: 2048,
  batchBytes: 2048,
};

async function make(
  name: string,
  fill: (wal: Wal) => Promise<void>,
  spoil = (image: DiskImage): DiskImage => image,
) {
  const { wal, disk } = await openTestLog({ limits: LIMITS, seed: name.length });
  await fill(wal);
  const image = spoil(disk.present());
  const folder = join(fixturesDirectory(FORMAT_VERSION), name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of image) writeFileSync(join(folder, file), content);
  const { tornTail } = await inspectWal(new SimulatedDisk(image));
  const again = (await openTestLog({ disk: new SimulatedDisk(image), limits: LIMITS })).wal;
  const expectation: FixtureExpectation = {
    firstIndex: again.firstIndex,
    entries: await contentOf(again),
    hardState: again.hardState === undefined ? null : Buffer.from(again.hardState).toString("latin1"),
    snapshot: again.snapshot ?? null,
    tornTail: tornTail ?? null,
  };
  writeFileSync(join(folder, "expected.json"), `${JSON.stringify(expectation, undefined, 2)}\n`);
}

await make("closed", async (wal) => {
  await wal.append({ entries: entries(1, 3), hardState: bytesOf("term 1, vote a") });
  await wal.append({ entries: [entry(4, 1, 0), entry(5, 2, 1500)] });
  await wal.append({ entries: entries(4, 2, 3), hardState: bytesOf("term 3") });
  await wal.append({ snapshot: { index: 2, term: 1 } });
  await wal.close();
});

await make("many-segments", async (wal) => {
  for (let index = 1; index <= 24; index++) {
    await wal.append({
      entries: [entry(index, 1 + Math.floor(index / 10), 700)],
      hardState: bytesOf(`commit ${index}`),
    });
  }
});

await make("recycled", async (wal) => {
  for (let index = 1; index <= 40; index++) {
    await wal.append({ entries: [entry(index, 1, 700)], hardState: bytesOf(`commit ${index}`) });
    if (index % 10 === 0) {
      await wal.append({ snapshot: { index: index - 2, term: 1 } });
      await wal.dropBefore(index - 3);
    }
  }
});

await make("installed-snapshot", async (wal) => {
  await wal.append({ entries: entries(1, 5) });
  await wal.append({
    snapshot: { index: 2 ** 40, term: 2 ** 33, installed: true },
    hardState: new Uint8Array([0, 255]),
  });
  await wal.append({ entries: entries(2 ** 40 + 1, 2, 2 ** 33) });
});

await make(
  "torn-tail",
  async (wal) => {
    await wal.append({ entries: entries(1, 3), hardState: bytesOf("term 1") });
    await wal.append({ entries: [entry(4, 1, 1800)] });
  },
  (image) => {
    // Of the last record's four sectors the second never arrived.
    image.get("0000000000000001.wal")?.fill(0, 4096 + 2 * 512, 4096 + 3 * 512);
    return image;
  },
);
