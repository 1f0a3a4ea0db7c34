import { describe, expect, it } from "@jest/globals";

import { seededRandom } from "./seeded-random.ts";

const NUMBERS = 10_000;

describe("seeded randomness", () => {
  it("repeats with its seed, and differs with another", () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("is spread evenly over [0, 1)", () => {
    const random = seededRandom(1);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let drawn = 0; drawn < NUMBERS; drawn++) {
      const number = random();
      expect(number >= 0 && number < 1).toBe(true);
      const tenth = Math.floor(number * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - NUMBERS / 10)).toBeLessThan(150);
  });
});
