import { describe, expect, it } from "@jest/globals";

import { seededRandom } from "./seeded-random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

describe("virtual time", () => {
  it("moves only when it is told to, and wall clock and monotonic time move together", async () => {
    const clock = createVirtualClock({ startMs: 1_000 });
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  it("has a wall clock of whole milliseconds, as the machine's", async () => {
    const clock = createVirtualClock();
    await clock.advance(0.7);
    expect(Number.isInteger(clock.now())).toBe(true);
    expect(clock.monotonic()).toBe(0.7);
  });

  it("calls back what is due, in order of its time and then of its setting, each at its time", async () => {
    const clock = createVirtualClock();
    const calls: string[] = [];
    const note = (name: string) => () => calls.push(`${name} at ${clock.monotonic()}`);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(100, note("late"));
    await clock.advance(50);
    expect(calls).toEqual(["a at 10", "b at 10", "c at 30"]);
    expect(clock.pending()).toBe(1);
  });

  it("calls back what is due at one moment in an order that a seed decides, and repeats", async () => {
    const callsOf = async (seed: number): Promise<string> => {
      const clock = createVirtualClock({ order: seededRandom(seed) });
      const calls: string[] = [];
      for (const name of "fedcba") clock.after(10, () => calls.push(name));
      clock.after(5, () => calls.push("first "));
      await clock.advance(20);
      return calls.join("");
    };
    const orders = new Set(await Promise.all([1, 2, 3, 4].map(callsOf)));
    expect(orders.size).toBeGreaterThan(1);
    for (const calls of orders) expect(calls).toMatch(/^first [a-f]{6}$/);
    expect(await callsOf(1)).toBe(await callsOf(1));
  });

  it("lets what follows from a callback happen before the next, new callbacks included", async () => {
    const clock = createVirtualClock();
    const calls: string[] = [];
    clock.after(10, () => {
      void (async () => {
        await new Promise((resolve) => setImmediate(resolve));
        calls.push("follows");
        clock.after(5, () => calls.push("set by the first"));
      })();
    });
    clock.after(20, () => calls.push("second"));
    await clock.advance(20);
    expect(calls).toEqual(["follows", "set by the first", "second"]);
  });

  it("does not call back what was cancelled", async () => {
    const clock = createVirtualClock();
    let called = false;
    clock.after(10, () => (called = true))();
    await clock.advance(20);
    expect([called, clock.pending()]).toEqual([false, 0]);
  });

  it("does not move back", async () => {
    const clock = createVirtualClock();
    await expect(clock.advance(-1)).rejects.toThrow("forward");
    await expect(clock.advance(Number.NaN)).rejects.toThrow("forward");
  });
});
