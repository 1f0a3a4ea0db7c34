import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { RateLimiter } from "./rate-limiter.ts";

function create(perSecond: number, burst: number) {
  const clock = createVirtualClock();
  const limiter = new RateLimiter({ perSecond, burst }, clock);
  return { clock, limiter };
}

describe("a rate limit", () => {
  it("lets a burst through at once, and then says how long the next must wait", () => {
    const { limiter } = create(10, 3);
    expect([1, 2, 3, 4, 5].map(() => limiter.tryTake())).toEqual([0, 0, 0, 100, 100]);
  });

  it("lets one through after exactly the wait that it said", async () => {
    const { clock, limiter } = create(3, 1);
    limiter.tryTake();
    for (let turn = 0; turn < 100; turn++) {
      await clock.advance(limiter.tryTake());
      expect(limiter.tryTake()).toBe(0);
    }
    expect(clock.monotonic()).toBeCloseTo(100_000 / 3);
  });

  it("keeps no more than a burst, however long nobody comes", async () => {
    const { clock, limiter } = create(10, 2);
    await clock.advance(3_600_000);
    expect([limiter.tryTake(), limiter.tryTake(), limiter.tryTake()]).toEqual([0, 0, 100]);
  });

  it.each([
    [0, 1],
    [1, 0],
    [Number.NaN, 1],
    [-1, 5],
  ])("is refused with %d a second and a burst of %d: nothing could ever start", (perSecond, burst) => {
    expect(() => create(perSecond, burst)).toThrow("perSecond above 0");
  });
});
