import { describe, expect, it } from "@jest/globals";
import { unread } from "@trellis/raft";
import { openWal } from "@trellis/wal";

import { writeIdentity } from "./identity.ts";
import { loadNode } from "./load-node.ts";
import { MemoryVolume } from "./test-support/memory-volume.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { VirtualProcess, VirtualTime } from "./test-support/virtual-time.ts";

const KIBIBYTE = 1024;
const APPENDS = 40;
const ENTRY_BYTES = 8 * KIBIBYTE;
const BATCHES = 6;
const MEMORY_BYTES = 100 * ENTRY_BYTES;
const walLimits = {
  segmentBytes: 1024 * KIBIBYTE,
  appendBytes: 64 * KIBIBYTE,
  batchBytes: 512 * KIBIBYTE,
  segmentsAhead: 1,
  spareSegments: 1,
};

/** A member's directory whose log was written by several appends at a time. */
async function volumeWithBatches(): Promise<MemoryVolume> {
  const volume = new MemoryVolume();
  const data = volume.data();
  await writeIdentity(data.identity, { nodeId: 7, clusterId: "c" });
  const wal = await openWal(
    { disk: data.wal, clock: new VirtualProcess(new VirtualTime()), random: seededRandom(1) },
    { limits: walLimits },
  );
  for (let batch = 0; batch < BATCHES; batch++) {
    const first = batch * APPENDS + 1;
    await Promise.all(
      Array.from({ length: APPENDS }, (_, at) =>
        wal.append({ entries: [{ index: first + at, term: 1, bytes: Buffer.alloc(ENTRY_BYTES, 2) }] }),
      ),
    );
  }
  expect(wal.figures().batches).toBe(BATCHES);
  await wal.close();
  return volume;
}

describe("what a node loads of a log that several appends at a time wrote", () => {
  it("takes the memory of its last entries, and reads each record once", async () => {
    const volume = await volumeWithBatches();
    let reads = 0;
    volume.onRead = async ({ folder }) => {
      if (folder === "wal") reads++;
    };
    const readsOf = async (work: () => Promise<void>): Promise<number> => {
      const before = reads;
      await work();
      return reads - before;
    };
    const deps = {
      clock: new VirtualProcess(new VirtualTime()),
      random: seededRandom(2),
      data: volume.data(),
    };
    const forOpening = await readsOf(async () => {
      await (await openWal({ ...deps, disk: deps.data.wal }, { limits: walLimits })).close();
    });
    const forLoading = await readsOf(async () => {
      const { window, wal } = await loadNode(deps, {
        walLimits,
        logMemoryBytes: MEMORY_BYTES,
        onWalState: () => undefined,
        onSnapshotWanted: () => undefined,
      });
      const tail = window.entries(BATCHES * APPENDS - 80, BATCHES * APPENDS + 1, Number.POSITIVE_INFINITY);
      if (tail === undefined || tail === unread) throw new Error("the last entries are in memory");
      const buffers = new Set(tail.map(({ data }) => data.buffer));
      const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
      // At most one record is kept for a part of it.
      expect(held).toBeLessThan(1.01 * (tail.length + APPENDS) * ENTRY_BYTES);
      await wal.close();
    });
    expect(forLoading - forOpening).toBeLessThanOrEqual(BATCHES);
  });
});
