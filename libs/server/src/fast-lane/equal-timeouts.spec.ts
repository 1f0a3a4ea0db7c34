import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { EqualTimeouts } from "./equal-timeouts.ts";

const MS = 100;

function setUp() {
  const clock = createVirtualClock();
  const ended: string[] = [];
  const timeouts = new EqualTimeouts<string>(clock, MS, (item) => ended.push(item));
  return { clock, ended, timeouts };
}

describe("equal timeouts", () => {
  it("end each item after its time, and no other", async () => {
    const { clock, ended, timeouts } = setUp();
    timeouts.begin("a");
    await clock.advance(60);
    timeouts.begin("b");
    await clock.advance(39);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toEqual(["a"]);
    await clock.advance(59);
    expect(ended).toEqual(["a"]);
    await clock.advance(1);
    expect(ended).toEqual(["a", "b"]);
  });

  it("forget what ended in time, and time what begins afterwards", async () => {
    const { clock, ended, timeouts } = setUp();
    const first = timeouts.begin("a");
    timeouts.begin("b");
    timeouts.end(first);
    timeouts.end(undefined);
    expect(timeouts.size()).toBe(1);
    expect([first.previous, first.next]).toEqual([undefined, undefined]);
    await clock.advance(MS);
    expect(ended).toEqual(["b"]);
    timeouts.begin("a");
    await clock.advance(MS - 1);
    expect(ended).toEqual(["b"]);
    await clock.advance(1);
    expect([ended, timeouts.size()]).toEqual([["b", "a"], 0]);
  });

  it("hold on to one timer, however many items there are", async () => {
    let timers = 0;
    const virtual = createVirtualClock();
    const clock = {
      ...virtual,
      now: () => virtual.now(),
      monotonic: () => virtual.monotonic(),
      after(delayMs: number, callback: () => void) {
        timers += 1;
        return virtual.after(delayMs, callback);
      },
    };
    const timeouts = new EqualTimeouts<number>(clock, MS, () => undefined);
    const timings = Array.from({ length: 1_000 }, (_, item) => timeouts.begin(item));
    expect(timers).toBe(1);
    for (const timing of timings) timeouts.end(timing);
    await virtual.advance(MS);
    expect(timers).toBe(1);
  });
});
