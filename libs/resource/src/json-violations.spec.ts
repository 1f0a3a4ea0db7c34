import { createRegistry, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  TransactRequestSchema,
  WatchEventSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { jsonViolations } from "./json-violations.ts";

const options = { schemas: createRegistry(), limit: 100 };

describe("what cannot be read in a JSON value", () => {
  it.each<[string, JsonValue, string, string]>([
    ["a leaf", { id: { name: 5 } }, "id.name", "expected string, got 5"],
    ["an unknown key", { id: { nam: "x" } }, "id.nam", "is not a field of this message"],
    ["an entry of a map", { metadata: { a: 1 } }, 'metadata["a"]', "expected string, got 1"],
    ["text that is not Unicode", { metadata: { a: "\ud800" } }, 'metadata["a"]', "UTF"],
    ["a message in a map", { status: { c: { conditions: 1 } } }, 'status["c"].conditions', "expected Array"],
    [
      "an item of a list",
      { status: { c: { conditions: [{}, { type: 1 }] } } },
      'status["c"].conditions[1].type',
      "got 1",
    ],
    [
      "a word of an enum",
      { status: { c: { conditions: [{ state: "NO" }] } } },
      'status["c"].conditions[0].state',
      'found "NO"',
    ],
    [
      "a field in both its names",
      { status: { c: { observedGeneration: "1", observed_generation: "1" } } },
      'status["c"].observed_generation',
      "given twice",
    ],
    ["something that is no object", { id: [] }, "id", "cannot be read"],
  ])("is named by its path: %s", (_, json, field, words) => {
    const found = jsonViolations(ResourceSchema, json, "", options);
    expect(found.map((one) => one.field)).toEqual([field]);
    expect(found[0]?.description).toContain(words);
  });

  it("names fields of which a message has one", () => {
    const json = { operations: [{ write: {}, delete: {} }] };
    expect(jsonViolations(TransactRequestSchema, json, "", options)).toEqual([
      { field: "operations[0].delete", description: "excludes write; give one of them" },
    ]);
    expect(jsonViolations(WatchEventSchema, { upsert: {}, delete: {} }, "event", options)).toEqual([
      { field: "event.delete", description: "excludes upsert; give one of them" },
    ]);
  });

  it("is told all at once, under the path that the value has", () => {
    const found = jsonViolations(
      ResourceSchema,
      { id: { name: 5, uid: 6 }, version: 7 },
      "resource",
      options,
    );
    expect(found.map(({ field }) => field).sort()).toEqual([
      "resource.id.name",
      "resource.id.uid",
      "resource.version",
    ]);
  });
});

describe("the search for it", () => {
  const ITEMS = 2_000;

  /** Conditions of which some are wrong, and how often any of them was looked at. */
  function counted(isWrong: (index: number) => boolean) {
    let reads = 0;
    const conditions = Array.from({ length: ITEMS }, (_, index) =>
      Object.defineProperty({} as JsonObject, "type", {
        enumerable: true,
        get: () => ((reads += 1), isWrong(index) ? 5 : "Ready"),
      }),
    );
    const found = jsonViolations(ResourceSchema, { status: { c: { conditions } } }, "", options);
    return { found, reads };
  }

  it("stops at its limit, and reads nothing behind it", () => {
    const { found, reads } = counted(() => true);
    expect(found).toHaveLength(100);
    expect(reads).toBeLessThan(4 * 100);
  });

  it("reads what is right a fixed number of times", () => {
    const { found, reads } = counted((index) => index === ITEMS - 1);
    expect(found.map(({ field }) => field)).toEqual([`status["c"].conditions[${ITEMS - 1}].type`]);
    expect(reads).toBeLessThan(4 * ITEMS);
  });
});
