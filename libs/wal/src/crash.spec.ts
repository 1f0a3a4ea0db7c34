import { describe, expect, it } from "@jest/globals";

import { crashImage, type Tearing } from "./test-support/crash-image.ts";
import { differenceFrom, showLog, type ShownLog } from "./test-support/log-model.ts";
import { type Load, momentAt, runLoad } from "./test-support/random-load.ts";
import { below, seededRandom } from "./test-support/seeded-random.ts";
import type { DiskImage, SimulatedDisk } from "./test-support/simulated-disk.ts";
import { bytesOf, entry, openTestLog, reopen, settle } from "./test-support/test-log.ts";

const CUT_POINTS = 1000;
const TEARINGS: readonly Tearing[] = ["all", "none", "sectors", "bytes", "mixed"];

/** A moment of a load: any, or one at which a record was written and not yet synced. */
function cutPoint({ disk: { events } }: Load, random: () => number): number {
  const any = below(events.length + 1, random);
  if (random() < 0.5) return any;
  const isWrite = ({ kind }: { readonly kind: string }, at: number): boolean => kind === "write" && at >= any;
  return events.findIndex(isWrite) + 1;
}

/** Holds a log against every state that it may be in after a crash; answers which one it is in. */
function judge(load: Load, events: number, shown: ShownLog): number {
  const { acknowledged, given } = momentAt(load, events);
  const differences: string[] = [];
  for (let state = given; state >= acknowledged; state--) {
    const model = load.models[state];
    if (model === undefined) continue;
    const difference = differenceFrom(model, shown, load.droppedBefore[state] ?? 1);
    if (difference === undefined) return state;
    differences.push(`after ${state} appends: ${difference}`);
  }
  throw new Error(
    `a crash after ${events} events; ${acknowledged} of ${given} appends were acknowledged; ${differences.join("; ")}`,
  );
}

describe("after a power failure", () => {
  it("a log has all that it acknowledged and nothing that was not written, at 1,000 cut points", async () => {
    const random = seededRandom(20_260_101);
    let [torn, judged] = [0, 0];
    for (let seed = 0; seed < 10; seed++) {
      const load = await runLoad(120, seededRandom(seed), { seed });
      for (let cut = 0; cut < CUT_POINTS / 10; cut++) {
        const at = cutPoint(load, random);
        const tearing = TEARINGS[cut % TEARINGS.length] ?? "mixed";
        const { wal } = await reopen(crashImage(load.disk, { at, tearing, random }), { seed: cut + 100 });
        judge(load, at, await showLog(wal));
        if (wal.tornTail !== undefined) torn++;
        judged++;
        await wal.close();
      }
    }
    expect(judged).toBe(CUT_POINTS);
    expect(torn).toBeGreaterThan(CUT_POINTS / 20);
  });

  it("a log goes on, and a second failure during the repair or after it takes nothing away", async () => {
    const random = seededRandom(7);
    const load = await runLoad(100, random);
    for (let cut = 0; cut < 300; cut++) {
      const at = below(load.disk.events.length + 1, random);
      const first = crashImage(load.disk, { at, tearing: "mixed", random });
      const { wal, disk } = await reopen(first, { seed: cut + 1000 });
      const state = judge(load, at, await showLog(wal));
      const repaired = disk.events.length;
      const again = crashImage(disk, { at: below(repaired + 1, random), tearing: "bytes", random });
      await judgeRepeated(load, at, again, cut);

      await wal.append({ entries: [entry(wal.lastIndex + 1, 1_000_000, 50)] });
      const after = (await reopen(crashImage(disk, { at: disk.events.length, tearing: "none", random }))).wal;
      expect(after.lastIndex).toBe(wal.lastIndex);
      expect(after.snapshot).toEqual(load.models[state]?.snapshot);
      await after.close();
      await wal.close();
    }
  });

  async function judgeRepeated(load: Load, at: number, image: DiskImage, seed: number): Promise<void> {
    const { wal } = await reopen(image, { seed });
    judge(load, at, await showLog(wal));
    await wal.close();
  }
});

describe("what is read after the process alone had died", () => {
  it("is synced before anybody is told of it", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: [entry(1)] });
    disk.gate = async ({ kind }) => {
      if (kind === "sync") await new Promise(() => undefined);
    };
    void wal.append({ entries: [entry(2)], hardState: bytesOf("x") });
    await settle();
    await diesAndIsFound(disk);
  });

  it("is written again after a failed sync, whose pages the system holds for written", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: [entry(1)] });
    disk.fault = ({ kind }) => (kind === "sync" ? { kind: "error", code: "EIO" } : undefined);
    await expect(wal.append({ entries: [entry(2)], hardState: bytesOf("x") })).rejects.toMatchObject({
      code: "outcome-unknown",
    });
    await diesAndIsFound(disk);
  });

  /** Another process finds entry 2 in the system's memory, tells of it, and then the power fails. */
  async function diesAndIsFound(disk: SimulatedDisk): Promise<void> {
    const unsynced = crashImage(disk, { at: disk.events.length, tearing: "none", random: Math.random });
    expect((await reopen(unsynced)).wal.lastIndex).toBe(1);
    disk.processDied();
    const { wal } = await openTestLog({ disk, seed: 2 });
    expect(wal.lastIndex).toBe(2);
    const image = crashImage(disk, { at: disk.events.length, tearing: "none", random: Math.random });
    expect((await reopen(image)).wal.lastIndex).toBe(2);
  }
});
