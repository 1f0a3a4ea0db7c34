import { describe, expect, it } from "@jest/globals";

import { Warmth } from "./warmth.ts";

/** After how many slices a load is warm whose operations cost so much; undefined when it is not. */
function slicesUntilWarm(costs: readonly number[]): number | undefined {
  const warmth = new Warmth();
  for (const [slice, cost] of costs.entries()) {
    warmth.note(cost);
    if (warmth.isWarm) return slice + 1;
  }
  return undefined;
}

describe("a load", () => {
  it("is warm soon when it was from the beginning", () => {
    expect(slicesUntilWarm([50, 50, 50])).toBe(3);
    expect(slicesUntilWarm([50, 49, 48, 20])).toBe(3);
  });

  it("is not while it gets cheaper, also after a slice that was dearer", () => {
    expect(slicesUntilWarm([340, 250, 340, 160, 140, 110])).toBeUndefined();
    expect(slicesUntilWarm([340, 250, 340, 160, 155, 153])).toBe(6);
  });

  it("is when its costs are not known", () => {
    expect(slicesUntilWarm([NaN, NaN])).toBe(2);
  });
});
