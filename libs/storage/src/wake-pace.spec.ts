import { describe, expect, it } from "@jest/globals";
import type { Clock } from "@trellis/resource";

import { WakePace } from "./wake-pace.ts";

function paced() {
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, monotonic: () => nowMs, after: () => () => undefined };
  return { pace: new WakePace(clock), pass: (ms: number) => (nowMs += ms) };
}

describe("the pace of waking", () => {
  it("never keeps a few waiting", () => {
    const { pace } = paced();
    expect(pace.restMs()).toBe(0);
    pace.woke(100);
    expect(pace.restMs()).toBe(0);
  });

  it("rests after many, as long as waking them takes, and never longer than it may", () => {
    const { pace, pass } = paced();
    pace.woke(1_000);
    expect(pace.restMs()).toBe(5);
    pass(3);
    expect(pace.restMs()).toBe(2);
    pass(3);
    expect(pace.restMs()).toBe(0);
    pace.woke(100_000);
    expect(pace.restMs()).toBe(20);
  });
});
