import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { Condition_State, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { parseAwaited } from "./awaited.ts";
import { verdictOn } from "./verdict.ts";

const { TRUE, FALSE } = Condition_State;

function resource(statuses: Readonly<Record<string, readonly [string, Condition_State, string]>>) {
  return create(ResourceSchema, {
    generation: "now",
    status: Object.fromEntries(
      Object.entries(statuses).map(([key, [observedGeneration, state, reason]]) => [
        key,
        { observedGeneration, conditions: [{ type: "Ready", state, reason }] },
      ]),
    ),
  });
}
const verdict = (statuses: Parameters<typeof resource>[0] | undefined, text: string) =>
  verdictOn(statuses === undefined ? undefined : resource(statuses), parseAwaited(text));

describe("a look at a resource", () => {
  it("finds a condition of any status, or of the one that is named", () => {
    const statuses = { a: ["now", FALSE, "No"], b: ["now", TRUE, "Yes"] } as const;
    expect(verdict(statuses, "condition=Ready")).toEqual({ met: true, seen: "Ready is TRUE (Yes)" });
    expect(verdict(statuses, "condition=a:Ready")).toEqual({ met: false, seen: "Ready is FALSE (No)" });
    expect(verdict(statuses, "condition=a:Ready=FALSE").met).toBe(true);
  });

  it("counts a condition only when its status observed the current generation", () => {
    expect(verdict({ a: ["before", TRUE, ""] }, "condition=Ready")).toEqual({
      met: false,
      seen: "Ready is TRUE, as of an older generation",
    });
    expect(verdict({ a: ["before", TRUE, ""], b: ["now", FALSE, "No"] }, "condition=Ready").seen).toBe(
      "Ready is FALSE (No)",
    );
  });

  it("says which conditions there are, when not the one that is wanted", () => {
    expect(verdict({ "x/y": ["now", TRUE, ""] }, "condition=Healthy").seen).toBe(
      "it has no condition Healthy; it has x/y:Ready",
    );
    expect(verdict({}, "condition=k:Healthy").seen).toBe("it has no condition k:Healthy; it has none at all");
  });

  it("finds out whether it is there", () => {
    expect(verdict(undefined, "deleted")).toEqual({ met: true, seen: "it is gone" });
    expect(verdict({}, "deleted")).toEqual({ met: false, seen: "it is still there" });
    expect(verdict(undefined, "condition=Ready")).toEqual({ met: false, seen: "it is not there" });
  });
});
