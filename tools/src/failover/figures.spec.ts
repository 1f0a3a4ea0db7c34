import { describe, expect, it } from "@jest/globals";

import { figuresOf, missedTargets } from "./figures.ts";
import { type KillFigures, Meter } from "./meter.ts";

function kills(...firstSuccesses: readonly number[]): readonly KillFigures[] {
  return firstSuccesses.map((firstSuccessMs) => ({ leader: "node-1", firstSuccessMs, longestStallMs: 1 }));
}

describe("what failing over took", () => {
  it("is told as median, ninth tenth and longest", () => {
    const tenKills = kills(10, 1, 2, 3, 4, 9, 8, 7, 6, 5);
    expect(figuresOf(tenKills)).toEqual({
      medianMs: 5,
      p90Ms: 9,
      longestMs: 10,
      inTime: 10,
      longestStallMs: 1,
    });
  });

  it.each([
    ["nothing", [1_500, 1_500, 1_500], []],
    ["a median", [1_501, 1_501, 900], ["the median is 1501 ms, above 1500 ms"]],
    ["too many late ones", [1, 1, 1, 2_001], ["3 of 4 within 2000 ms, expected 4"]],
    [
      "one that never came",
      [...Array<number>(9).fill(1), Number.POSITIVE_INFINITY],
      ["the longest is never, above 3000 ms"],
    ],
  ])("misses with %s what it misses", (_, firstSuccesses, missed) => {
    expect(missedTargets(kills(...firstSuccesses))).toEqual(missed);
  });
});

describe("the meter of a failover", () => {
  it("takes the first success of a write that was submitted after the kill, and the longest of all", async () => {
    let nowMs = 0;
    const meter = new Meter(() => nowMs);
    const before = meter.begin();
    nowMs = 100;
    const first = meter.kill();
    const failing = meter.begin();
    nowMs = 200;
    const after = meter.begin();
    nowMs = 300;
    before(true);
    failing(false);
    nowMs = 450;
    after(true);
    expect(await first).toBe(350);
    expect(meter.longestStallMs()).toBe(300);
  });

  it("counts a write that is still waiting as long as it has waited", () => {
    let nowMs = 0;
    const meter = new Meter(() => nowMs);
    void meter.kill();
    meter.begin();
    nowMs = 700;
    expect(meter.longestStallMs()).toBe(700);
  });
});
