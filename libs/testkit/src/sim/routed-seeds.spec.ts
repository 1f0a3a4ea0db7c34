import { describe, expect, it } from "@jest/globals";

import { hasMemberGateways, isRouted, simulate } from "./simulation.ts";

/** Seeds whose clients enter by routers too, which routers crash and replicas change in mid-watch. */
const SEEDS = [3, 8, 9, 13, 14, 24, 25, 29, 89];
/** Seeds in which storage nodes have gateways of their own; 105 is restored in the end. */
const SEEDS_OF_MEMBERS = [93, 94, 105, 120, 125];

describe("a cluster that clients enter by routers", () => {
  it.each([...SEEDS, ...SEEDS_OF_MEMBERS])("keeps all promises (seed %i)", async (seed) => {
    expect(isRouted(seed)).toBe(true);
    const report = await simulate({ seed, nodes: seed % 2 === 0 ? 3 : 5, minutes: 1 });
    expect(report.findings).toEqual([]);
    expect(report.coverage.routersCrashed).toBeGreaterThan(0);
    expect(report.coverage.replicasChanged).toBeGreaterThan(0);
    expect(report.coverage.commitsRepeated).toBeGreaterThan(0);
    expect(hasMemberGateways(seed)).toBe(SEEDS_OF_MEMBERS.includes(seed));
    if (!hasMemberGateways(seed)) return;
    expect(report.coverage.memberGateways).toBeGreaterThan(0);
    expect(report.coverage.readsAtOnce).toBeGreaterThan(0);
  });
});
