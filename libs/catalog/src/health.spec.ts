import { create } from "@bufbuild/protobuf";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Condition_State, StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { describe, expect, it } from "@jest/globals";

import { healthOf, healthyCondition, worstHealth } from "./health.ts";
import { conditionOf } from "./test-support/resources.ts";

const { PASSING, WARNING, CRITICAL, MAINTENANCE } = Health;

describe("the worst of several healths", () => {
  it("is PASSING when there are none", () => {
    expect(worstHealth([])).toBe(PASSING);
  });

  it.each([
    [[PASSING, PASSING], PASSING],
    [[WARNING, PASSING], WARNING],
    [[PASSING, CRITICAL, WARNING], CRITICAL],
    [[CRITICAL, MAINTENANCE, PASSING], MAINTENANCE],
  ])("of %j is %d", (healths, worst) => {
    expect(worstHealth(healths)).toBe(worst);
    expect(worstHealth(healths.toReversed())).toBe(worst);
  });
});

describe("the healthy condition", () => {
  it("is TRUE for PASSING only", () => {
    const states = [PASSING, WARNING, CRITICAL, MAINTENANCE].map(
      (health) => conditionOf(healthyCondition({ health, message: "" })).state,
    );
    expect(states).toEqual([
      Condition_State.TRUE,
      Condition_State.FALSE,
      Condition_State.FALSE,
      Condition_State.FALSE,
    ]);
  });

  it("has the health's name in the proto as its reason", () => {
    expect(conditionOf(healthyCondition({ health: WARNING, message: "why" }))).toMatchObject({
      type: "healthy",
      reason: "HEALTH_WARNING",
      message: "why",
    });
  });

  it.each([PASSING, WARNING, CRITICAL, MAINTENANCE])("gives health %d back to who reads it", (health) => {
    const status = create(StatusSchema, {
      conditions: [{ type: "other" }, conditionOf(healthyCondition({ health, message: "" }))],
    });
    expect(healthOf(status)).toBe(health);
  });

  it("tells nothing when it is absent, or its reason is no health of a thing", () => {
    expect(healthOf(undefined)).toBeUndefined();
    expect(healthOf(create(StatusSchema))).toBeUndefined();
    for (const reason of ["", "HEALTH_ANY", "fine", "toString"]) {
      expect(healthOf(create(StatusSchema, { conditions: [{ type: "healthy", reason }] }))).toBeUndefined();
    }
  });
});
