import { describe, expect, it } from "@jest/globals";

import { createDice } from "./dice.ts";
import { MachineClock } from "./machine-clock.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { World } from "./world.ts";

function startProcess(rate = 1): { world: World; process: SimulatedProcess; clock: MachineClock } {
  const world = new World();
  const clock = new MachineClock(world, { rate, bootMs: 0, wallMs: 0 });
  return {
    world,
    clock,
    process: new SimulatedProcess({ name: "p", world, clock, dice: createDice(1, "p") }),
  };
}

describe("the virtual world", () => {
  it("lets things happen in the order of their time, then of their planning", async () => {
    const world = new World();
    const seen: string[] = [];
    for (const [name, delayMs] of Object.entries({ c: 20, a: 10, b: 10, d: 1e9 }))
      world.in(delayMs, () => seen.push(`${name} at ${world.nowMs}`));
    world.in(15, () => seen.push("never"))();
    await world.run({ ms: 1000 });
    expect(seen).toEqual(["a at 10", "b at 10", "c at 20"]);
    expect(world.nowMs).toBe(1000);
  });

  it("finishes every chain of promises before the next thing happens", async () => {
    const world = new World();
    const seen: string[] = [];
    world.in(1, () => {
      void (async () => {
        for (let step = 0; step < 50; step++) await Promise.resolve();
        for await (const _ of (async function* () {
          yield 1;
          yield 2;
        })());
        seen.push("chain");
      })();
    });
    world.in(1, () => seen.push("next"));
    await world.run({ ms: 2 });
    expect(seen).toEqual(["chain", "next"]);
  });

  it("ends with what an event throws", async () => {
    const world = new World();
    world.in(1, () => {
      throw new Error("broken");
    });
    await expect(world.run({ ms: 2 })).rejects.toThrow("broken");
  });
});

describe("a simulated process", () => {
  it("takes timers first after a stall, then what came in, then what asked for the next turn", async () => {
    const { world, process } = startProcess();
    const seen: string[] = [];
    process.input(1, () => {
      process.nextTurn(() => seen.push(`turn at ${world.nowMs}`));
      process.stall(3000);
    });
    process.input(500, () => seen.push("first input"));
    process.after(1000, () => seen.push("timer"));
    process.input(1500, () => seen.push("second input"));
    await world.run({ ms: 2999 });
    expect(seen).toEqual([]);
    await world.run({ ms: 4000 });
    expect(seen).toEqual(["timer", "first input", "second input", "turn at 3001"]);
  });

  it("does nothing more once it was killed, whatever waits", async () => {
    const { world, process } = startProcess();
    const seen: string[] = [];
    process.after(10, () => seen.push("timer"));
    process.onExit(() => seen.push("exit"));
    world.in(5, () => process.kill());
    await world.run({ ms: 100 });
    expect(seen).toEqual(["exit"]);
  });

  it("has a clock that drifts, and never goes back", async () => {
    const { world, process, clock } = startProcess(2);
    let firedMs = 0;
    process.after(100, () => {
      firedMs = world.nowMs;
    });
    await world.run({ ms: 60 });
    expect(firedMs).toBe(50);
    expect(process.monotonic()).toBe(120);
    clock.drift(0.5);
    await world.run({ ms: 160 });
    expect(process.monotonic()).toBe(170);
  });

  it("spends time by looking at the clock while it is slow", async () => {
    const { world, process } = startProcess();
    process.slowDown(2);
    const seen: number[] = [];
    process.input(0, () => seen.push(process.monotonic(), process.monotonic()));
    process.input(1, () => seen.push(world.nowMs));
    await world.run({ ms: 10 });
    expect(seen).toEqual([2, 4, 4]);
  });
});
