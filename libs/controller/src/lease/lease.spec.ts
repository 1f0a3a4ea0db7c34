import { describe, expect, it } from "@jest/globals";
import { isResourceName } from "@trellis/resource";
import fc from "fast-check";

import { CONTROLLER_LEASES, leaseNameOf } from "./lease.ts";

describe("the name of a controller's lease", () => {
  it("is the controller's own, where that is one", () => {
    expect(leaseNameOf(CONTROLLER_LEASES, "node-health")).toBe("controller-node-health");
  });

  it.each([
    ["Node Health", /^controller-node-health-[0-9a-z]+$/],
    ["node.health", /^controller-node-health-[0-9a-z]+$/],
    ["健康", /^controller-[0-9a-z]+$/],
    [`${"long-".repeat(20)}name`, /^controller-(long-)+/],
    ["x".repeat(200), /^controller-x+-[0-9a-z]+$/],
  ])("is made from %j", (controller, expected) => {
    expect(leaseNameOf(CONTROLLER_LEASES, controller)).toMatch(expected);
  });

  it("is a name, and another for each controller", () => {
    const controllers = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 100 }), { maxLength: 10 });
    fc.assert(
      fc.property(controllers, (all) => {
        const names = all.map((controller) => leaseNameOf(CONTROLLER_LEASES, controller));
        for (const name of names) expect(isResourceName(name)).toBe(true);
        expect(new Set(names).size).toBe(all.length);
      }),
    );
  });
});
