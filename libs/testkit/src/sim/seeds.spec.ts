import { describe, expect, it } from "@jest/globals";

import { simulate } from "./simulation.ts";

/**
 * The short form of `npm run sim -- --seeds 2000`: seeds that each notice something that others do not; the mutants of tools/mutants/sim name
 * the one by which they are killed.
 */
const SEEDS = [1, 2, 4, 5, 10, 12, 18, 42, 53, 204];

describe("a cluster under faults", () => {
  it.each(SEEDS)("keeps all promises (seed %i)", async (seed) => {
    const { findings, coverage } = await simulate({ seed, nodes: seed % 2 === 0 ? 3 : 5, minutes: 1 });
    expect(findings).toEqual([]);
    expect(coverage.operations).toBeGreaterThanOrEqual(300);
    expect(coverage.faults).toBeGreaterThanOrEqual(5);
  });
});
