import { create, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { Condition_State, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { manifestOf } from "../manifest/print.ts";
import { everyRegistry } from "../test-support/every-kind.ts";
import { columnValue } from "./column-value.ts";

const schema = everyRegistry.getMessage("test.v1.Every");

function cell(path: string, json: JsonValue): string {
  if (schema === undefined) throw new Error("the test has no schema");
  const value = toBinary(schema, fromJson(schema, json, { registry: everyRegistry }));
  const resource = create(ResourceSchema, {
    id: { name: "api", type: { group: "test", groupVersion: "v1", kind: "Every" } },
    metadata: { "a.b": "dotted", team: "web" },
    status: {
      "x/y": { conditions: [{ type: "Ready", state: Condition_State.TRUE, reason: "Fine", message: "ok" }] },
    },
    data: create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value }),
  });
  return columnValue(path, manifestOf(resource, everyRegistry), schema);
}

describe("a column's value", () => {
  it.each([
    ["data.text", { text: "x" }, "x"],
    ["data.text", {}, "-"],
    ["data.rawBytes", {}, "-"],
    ["data.small", { small: 5 }, "5"],
    ["data.small", {}, "0"],
    ["data.large", {}, "0"],
    ["data.flag", {}, "false"],
    ["data.colour", { colour: "COLOUR_DARK_BLUE" }, "DARK_BLUE"],
    ["data.colour", { colour: 77 }, "77"],
    ["data.colour", {}, "-"],
    ["data.words", { words: ["a", "b"] }, "2"],
    ["data.words", {}, "0"],
    ["data.words[1]", { words: ["a", "b"] }, "b"],
    ["data.words[5]", { words: ["a"] }, "-"],
    ["data.counts", { counts: { a: 1 } }, "1"],
    ["data.counts[a]", { counts: { a: 7 } }, "7"],
    ["data.colours[0]", { colours: ["COLOUR_RED"] }, "RED"],
    ["data.nested.nested.text", { nested: { nested: { text: "deep" } } }, "deep"],
    ["data.nested.text", {}, "-"],
    ["data.nested", { nested: {} }, "0"],
    ["data.small_unsigned", { smallUnsigned: 3 }, "3"],
    ["data.list[0].small", { list: [{ small: 4 }] }, "4"],
    ["data.moment", { moment: "2026-01-31T12:00:00Z" }, "2026-01-31T12:00:00Z"],
    ["data.gone", {}, "-"],
    ["metadata.team", {}, "web"],
    ["metadata[a.b]", {}, "dotted"],
    ["metadata.none", {}, "-"],
    ["name", {}, "api"],
    ["status[x/y].conditions[Ready].state", {}, "TRUE"],
    ["status[x/y].conditions[Ready].message", {}, "ok"],
    ["status[x/y].conditions[Other].state", {}, "-"],
    ["status[none].conditions[Ready].state", {}, "-"],
    ["metadata.constructor", {}, "-"],
    ["not a path", {}, "-"],
  ])("at %s of %j is %s", (path, json, expected) => {
    expect(cell(path, json)).toBe(expected);
  });
});
