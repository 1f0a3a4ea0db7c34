import { describe, expect, it } from "@jest/globals";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { parseAwaited } from "./awaited.ts";

const { TRUE, FALSE, UNKNOWN } = Condition_State;

describe("what wait waits for", () => {
  it.each([
    ["condition=Ready", undefined, "Ready", TRUE],
    ["condition=Ready=false", undefined, "Ready", FALSE],
    ["condition=Ready=UNKNOWN", undefined, "Ready", UNKNOWN],
    ["condition=trellis.dev/health:Ready", "trellis.dev/health", "Ready", TRUE],
    ["condition=a:b:Ready=TRUE", "a:b", "Ready", TRUE],
    ["condition=a=b:Ready=TRUE", "a=b", "Ready", TRUE],
  ])("is a condition: %s", (text, key, type, state) => {
    expect(parseAwaited(text)).toEqual({ kind: "condition", key, type, state });
  });

  it("is that something is deleted", () => {
    expect(parseAwaited("deleted")).toEqual({ kind: "deleted" });
  });

  it.each([
    ["", '--for "" is neither a condition nor "deleted"'],
    ["ready", '--for "ready" is neither a condition nor "deleted"'],
    ["delete", '--for "delete" is neither a condition nor "deleted"'],
    ["condition=", '--for "condition=" is neither a condition nor "deleted"'],
    ["condition==TRUE", '--for "condition==TRUE" names no condition'],
    ["condition=a:", '--for "condition=a:" names no condition'],
    ["condition=Ready=maybe", '--for "condition=Ready=maybe": "maybe" is no state of a condition'],
    ["condition=Ready=", '--for "condition=Ready=": "" is no state of a condition'],
  ])("is not %j", (text, message) => {
    expect(() => parseAwaited(text)).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });
});
