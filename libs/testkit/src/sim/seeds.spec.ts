import { describe, expect, it } from "@jest/globals";

import { simulate } from "./simulation.ts";

/**
 * The short form of `npm run sim -- --seeds 2000`: seeds that noticed, when they were chosen, something that others did not. Which of them
 * kills a mutant of tools/mutants/sim changes with everything that takes a turn or writes to a disk: one of them all has to.
 */
const SEEDS = [1, 2, 4, 5, 10, 12, 18, 26, 42, 53, 204, 258];

describe("a cluster under faults", () => {
  it.each(SEEDS)("keeps all promises (seed %i)", async (seed) => {
    const { findings, coverage } = await simulate({ seed, nodes: seed % 2 === 0 ? 3 : 5, minutes: 1 });
    expect(findings).toEqual([]);
    expect(coverage.operations).toBeGreaterThanOrEqual(300);
    expect(coverage.faults).toBeGreaterThanOrEqual(5);
  });
});
