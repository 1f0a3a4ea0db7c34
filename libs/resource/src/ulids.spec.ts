import { describe, expect, it } from "@jest/globals";

import { systemClock } from "./clock.ts";
import { createUlids, isUlid } from "./ulids.ts";

describe("ulids", () => {
  it("only grow, also within a millisecond and when the clock steps back", () => {
    let now = 1_000;
    const next = createUlids({ clock: { ...systemClock, now: () => now }, random: Math.random });
    const made = [next(), next(), next()];
    now = 500;
    made.push(next());
    now = 2_000;
    made.push(next());
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(5);
    expect(made.every(isUlid)).toBe(true);
  });

  it("are told from other texts", () => {
    for (const other of ["", "bogus", "01JDE6XJ4Z8Q6Z0000000000A", "u".repeat(26)])
      expect(isUlid(other)).toBe(false);
  });
});
