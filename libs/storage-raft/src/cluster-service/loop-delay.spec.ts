import { createHistogram } from "node:perf_hooks";

import { expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { recentLoopDelay } from "./loop-delay.ts";

it("tells the worst delay of the last seconds, without the pause between two looks, and forgets it then", async () => {
  const clock = createVirtualClock();
  const histogram = createHistogram();
  const delay = recentLoopDelay({ histogram, clock }, 10);
  expect(delay.now()).toBe(0);
  histogram.record(10 * 1e6);
  histogram.record(210 * 1e6);
  await clock.advance(4_000);
  expect(delay.now()).toBeCloseTo(200, 0);
  await clock.advance(5_000);
  expect(delay.now()).toBeCloseTo(200, 0);
  await clock.advance(5_000);
  expect(delay.now()).toBe(0);
  delay.stop();
  expect(clock.pending()).toBe(0);
});
