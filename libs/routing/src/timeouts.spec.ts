import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { Timeouts } from "./timeouts.ts";

describe("timeouts of one length", () => {
  it("come each at its time, behind one timer", async () => {
    const clock = createVirtualClock();
    const timeouts = new Timeouts(clock, 100);
    const told: string[] = [];
    const note = (name: string) => () => void told.push(`${name} at ${clock.monotonic() - startedMs}`);
    const startedMs = clock.monotonic();
    timeouts.add(note("first"));
    await clock.advance(30);
    timeouts.add(note("second"));
    expect(clock.pending()).toBe(1);
    await clock.advance(300);
    expect(told).toEqual(["first at 100", "second at 130"]);
    expect(clock.pending()).toBe(0);
  });

  it("are not held up by one that is added when another comes", async () => {
    const clock = createVirtualClock();
    const timeouts = new Timeouts(clock, 100);
    const told: string[] = [];
    timeouts.add(() => void timeouts.add(() => told.push("third")));
    await clock.advance(10);
    timeouts.add(() => told.push("second"));
    await clock.advance(100);
    expect(told).toEqual(["second"]);
    await clock.advance(90);
    expect(told).toEqual(["second", "third"]);
  });

  it("do not come once they are cancelled, and leave no timer behind", async () => {
    const clock = createVirtualClock();
    const timeouts = new Timeouts(clock, 100);
    const told: string[] = [];
    const [first, second] = [timeouts.add(() => told.push("first")), timeouts.add(() => told.push("second"))];
    timeouts.cancel(first);
    await clock.advance(100);
    expect(told).toEqual(["second"]);
    timeouts.cancel(second);
    timeouts.cancel(timeouts.add(() => told.push("fourth")));
    expect(clock.pending()).toBe(0);
  });
});
