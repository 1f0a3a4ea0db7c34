import { describe, expect, it } from "@jest/globals";

import { AppendQueue } from "./append-queue.ts";
import type { WalClock } from "./disk.ts";
import { gather } from "./gather.ts";
import { openWal } from "./open-wal.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import { contentOf, entry, SMALL_LIMITS, textOf } from "./test-support/test-log.ts";

/** A clock whose turns of the event loop take as long as they are said to, and then nothing. */
function clockOfTurns(turnsMs: readonly number[]) {
  const left = [...turnsMs];
  let nowMs = 0;
  let turns = 0;
  const clock: WalClock = {
    monotonic: () => nowMs,
    after: () => () => undefined,
    nextTurn(callback) {
      turns += 1;
      nowMs += left.shift() ?? 0;
      queueMicrotask(callback);
    },
  };
  return { clock, turns: () => turns };
}

function queueOf(bytes: number, sinceMs = 0): AppendQueue {
  const queue = new AppendQueue();
  const nothing = (): void => undefined;
  queue.add({ items: [], bytes, tailAfter: undefined as never, sinceMs, resolve: nothing, reject: nothing });
  return queue;
}

describe("a batch", () => {
  it.each([
    ["of who is alone waits for one turn", [0.01], 10, 1],
    ["waits while turns have work to do", [0.2, 0.3, 0.01], 10, 3],
    ["waits for a millisecond at most, and the turn that is under way", [0.4, 0.4, 0.4, 0.4, 0.4], 10, 3],
    ["of many bytes waits for none", [0.2, 0.2], 65_536, 0],
  ])("%s", async (_, turnsMs, bytes, expected) => {
    const { clock, turns } = clockOfTurns(turnsMs);
    await gather(queueOf(bytes), clock);
    expect(turns()).toBe(expected);
  });

  it("does not wait where the clock knows no turns", async () => {
    await gather(queueOf(10), { monotonic: () => 0, after: () => () => undefined });
  });
});

describe("a log whose batches wait for others", () => {
  async function open(turnsMs: readonly number[]) {
    const { clock } = clockOfTurns(turnsMs);
    const disk = new SimulatedDisk();
    const wal = await openWal({ disk, clock, random: seededRandom(1) }, { limits: SMALL_LIMITS });
    return { wal, before: wal.figures().batches };
  }

  it("makes those durable together that came in turns with work to do", async () => {
    const { wal, before } = await open([0.2, 0.2, 0.2]);
    const first = wal.append({ entries: [entry(1)] });
    await Promise.resolve();
    await Promise.resolve();
    const second = wal.append({ entries: [entry(2)] });
    await Promise.all([first, second]);
    expect(wal.figures().batches - before).toBe(1);
    expect(await contentOf(wal)).toEqual([entry(1), entry(2)].map(textOf));
    await wal.close();
  });

  it("makes them durable when it is closed meanwhile", async () => {
    const { wal } = await open([0.2, 0.2, 0.2, 0.2]);
    const appended = wal.append({ entries: [entry(1)] });
    await Promise.all([wal.close(), appended]);
    expect(wal.figures().entries).toBe(1);
  });
});
