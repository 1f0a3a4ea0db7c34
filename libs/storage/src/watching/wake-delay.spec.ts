import { describe, expect, it } from "@jest/globals";

import { wakeDelayMs } from "./wake-delay.ts";

describe("the delay of a waking", () => {
  it.each([
    ["never keeps a few waiting", 199, 0],
    ["is there for many", 200, 1],
    ["is some times as long as waking them takes", 1_000, 5],
    ["is never longer than it may be", 1_000_000, 20],
  ])("%s", (_, readers, delayMs) => {
    expect(wakeDelayMs(readers)).toBe(delayMs);
  });
});
