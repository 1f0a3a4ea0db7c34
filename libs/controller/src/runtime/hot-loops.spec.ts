import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import type { ControllerLog } from "../log.ts";
import { HotLoops, type HotLoopLimits, type RunCause } from "./hot-loops.ts";
import { keyOf } from "./request-key.ts";

const LIMITS: HotLoopLimits = { ownRuns: 5, runs: 20, windowMs: 10_000 };

function watched() {
  const clock = createVirtualClock();
  const told: { readonly fields: Record<string, unknown>; readonly message: string }[] = [];
  const silent = (): void => undefined;
  const log: ControllerLog = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields, message) => void told.push({ fields: fields as Record<string, unknown>, message }),
  };
  const loops = new HotLoops({ clock, log, limits: LIMITS });
  return {
    clock,
    told,
    loops,
    /** Runs a name `times`, each as soon as it may; when they started, from now on. */
    runs: async (name: string, cause: RunCause, times: number): Promise<number[]> => {
      const startedMs = clock.monotonic();
      const starts: number[] = [];
      for (let run = 0; run < times; run++) {
        loops.began(name, cause);
        starts.push(clock.monotonic() - startedMs);
        await clock.advance(loops.pauseMs(name, cause));
      }
      return starts;
    },
  };
}

const ADA = keyOf({ partition: "default", namespace: "default", name: "ada" });
const BEA = keyOf({ partition: "default", namespace: "default", name: "bea" });

describe("hot loops", () => {
  it("let a name run as often as its limit without a wait", async () => {
    const { runs, loops, told } = watched();
    expect(await runs(ADA, "own", 5)).toEqual([0, 0, 0, 0, 0]);
    expect(loops.hot()).toEqual([]);
    expect(told).toEqual([]);
  });

  it("slow a name that its own runs drive, twice as much with each run, at most to ten seconds", async () => {
    const { runs } = watched();
    const starts = await runs(ADA, "own", 15);
    const waits = starts.slice(1).map((start, at) => start - (starts[at] ?? 0));
    expect(waits).toEqual([0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  });

  it("slow a name that others drive later, and at most to a second", async () => {
    const { runs } = watched();
    const starts = await runs(ADA, "change", 27);
    const waits = starts.slice(1).map((start, at) => start - (starts[at] ?? 0));
    expect(waits.slice(18)).toEqual([0, 0, 100, 200, 400, 800, 1_000, 1_000]);
  });

  it("have a change from outside wait for a second at most, however hot the name is", async () => {
    const { runs, loops } = watched();
    await runs(ADA, "own", 14);
    expect([loops.pauseMs(ADA, "own"), loops.pauseMs(ADA, "change")]).toEqual([10_000, 1_000]);
  });

  it("leave other names alone", async () => {
    const { runs, loops } = watched();
    await runs(ADA, "own", 10);
    expect(loops.pauseMs(BEA, "own")).toBe(0);
    expect(await runs(BEA, "own", 3)).toEqual([0, 0, 0]);
  });

  it("count within a window: what runs now and then for long is no loop", async () => {
    const { clock, loops } = watched();
    for (let run = 0; run < 100; run++) {
      loops.began(ADA, "own");
      await clock.advance(2_500);
    }
    expect(loops.hot()).toEqual([]);
  });

  it("forget a name that was calm for a window after its pause", async () => {
    const { runs, clock, loops } = watched();
    await runs(ADA, "own", 7);
    expect(loops.hot()).toHaveLength(1);
    await clock.advance(LIMITS.windowMs - 1);
    expect(loops.hot()).toHaveLength(1);
    await clock.advance(1);
    expect(loops.hot()).toEqual([]);
    expect(loops.pauseMs(ADA, "own")).toBe(0);
    expect(await runs(ADA, "own", 5)).toEqual([0, 0, 0, 0, 0]);
  });

  it("show hot names, the hottest first, with what drives them", async () => {
    const { runs, loops, clock } = watched();
    await runs(ADA, "own", 6);
    await runs(BEA, "change", 21);
    await clock.advance(50);
    expect(loops.hot()).toEqual([
      {
        request: { partition: "default", namespace: "default", name: "bea" },
        cause: "change",
        runs: 21,
        hotMs: 150,
        pauseMs: 100,
      },
      {
        request: { partition: "default", namespace: "default", name: "ada" },
        cause: "own",
        runs: 6,
        hotMs: 250,
        pauseMs: 100,
      },
    ]);
  });

  it("are told in the log once a minute, with what to look for", async () => {
    const { runs, told } = watched();
    await runs(ADA, "own", 6);
    expect(told).toEqual([
      {
        fields: { names: 1, hottest: [expect.objectContaining({ cause: "own", runs: 6 })] },
        message: expect.stringContaining("its own writes; it is slowed down"),
      },
    ]);
    await runs(ADA, "own", 11);
    expect(told).toHaveLength(1);
    await runs(ADA, "own", 2);
    expect(told).toHaveLength(2);
  });

  it("tell of two that undo each other's writes as that", async () => {
    const { runs, told } = watched();
    await runs(ADA, "change", 21);
    expect(told[0]?.message).toContain("two controllers");
  });
});
