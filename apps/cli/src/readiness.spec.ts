import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { Condition_State, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { readinessOf } from "./readiness.ts";

const { TRUE, FALSE, UNKNOWN } = Condition_State;

function resource(
  conditions: readonly (readonly [string, Condition_State, string?])[],
  { observed = "g2", metadata = {} }: { observed?: string; metadata?: Record<string, string> } = {},
) {
  const status = {
    observedGeneration: observed,
    conditions: conditions.map(([type, state, reason = ""]) => ({ type, state, reason })),
  };
  return create(ResourceSchema, { generation: "g2", metadata, status: { "test/key": status } });
}

describe("readiness", () => {
  it.each([
    ["ready", resource([["Healthy", TRUE]])],
    [
      "not ready: Healthy (NoChecks)",
      resource([
        ["Known", UNKNOWN],
        ["Healthy", FALSE, "NoChecks"],
      ]),
    ],
    [
      "not known: Known",
      resource([
        ["Known", UNKNOWN],
        ["Healthy", TRUE],
      ]),
    ],
    ["not observed since its last change", resource([["Healthy", FALSE]], { observed: "g1" })],
    [
      "being deleted",
      resource([["Healthy", FALSE]], { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
    ],
  ])("is %j", (text, of) => {
    expect(readinessOf(of)?.text).toBe(text);
  });

  it("is judged by nobody without conditions", () => {
    expect(readinessOf(create(ResourceSchema, {}))).toBeUndefined();
    expect(readinessOf(resource([]))).toBeUndefined();
  });
});
