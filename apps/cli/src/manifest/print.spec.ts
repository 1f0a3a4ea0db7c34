import {
  create,
  createRegistry,
  type DescField,
  type DescMessage,
  type JsonValue,
  fromJson,
  type Registry,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import catalog from "@trellis/catalog";
import demo from "@trellis/demo";
import { ConditionSchema, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType } from "@trellis/resource";
import fc from "fast-check";

import { everyRegistry, everyType, testType } from "../test-support/every-kind.ts";
import { readText } from "../test-support/manifests.ts";
import { manifestOf, yamlText } from "./print.ts";

const IDENTITY = { type: { group: "test", groupVersion: "v1", kind: "Every" }, name: "a" };

const payload = (json: JsonValue) => {
  const schema = everyRegistry.getMessage("test.v1.Every");
  if (schema === undefined) throw new Error("the test has no schema");
  const value = toBinary(schema, fromJson(schema, json, { registry: everyRegistry }));
  return create(AnySchema, { typeUrl: "type.googleapis.com/test.v1.Every", value });
};

describe("a printed manifest", () => {
  it("says its parts in the order in which they are read, what apply ignores last", () => {
    const resource = create(ResourceSchema, {
      id: { ...IDENTITY, uid: "u", tenancy: { partition: "default", namespace: "shop" } },
      owner: { ...IDENTITY, name: "boss", uid: "v", tenancy: { partition: "default", namespace: "shop" } },
      version: "7",
      generation: "g",
      metadata: { b: "2", a: "yes" },
      status: {
        "x/y": { observedGeneration: "g", conditions: [create(ConditionSchema, { type: "Ready" })] },
      },
      data: payload({ text: "on", large: "5" }),
    });
    expect(yamlText(manifestOf(resource, everyRegistry))).toBe(
      [
        "type: test.v1.Every",
        "name: a",
        "partition: default",
        "namespace: shop",
        "owner:",
        "  type: test.v1.Every",
        "  name: boss",
        "metadata:",
        '  a: "yes"',
        '  b: "2"',
        "data:",
        '  large: "5"',
        '  text: "on"',
        "uid: u",
        'version: "7"',
        "generation: g",
        "status:",
        "  x/y:",
        "    observedGeneration: g",
        "    conditions:",
        "      - type: Ready",
        "",
      ].join("\n"),
    );
  });

  it("names the owner's tenancy only where it is another", () => {
    const owner = { ...IDENTITY, name: "boss", tenancy: { partition: "default", namespace: "other" } };
    const tenancy = { partition: "default", namespace: "shop" };
    const resource = create(ResourceSchema, { id: { ...IDENTITY, tenancy }, owner });
    expect(manifestOf(resource, everyRegistry)).toMatchObject({ owner: { namespace: "other" } });
  });

  it.each([
    ["of an unknown type", "type.googleapis.com/gone.v1.Thing", [1, 2, 3]],
    ["with broken bytes", "type.googleapis.com/test.v1.Every", [255, 255]],
  ])("shows a payload %s as base64, and it is read back byte for byte", (_, typeUrl, bytes) => {
    const data = create(AnySchema, { typeUrl, value: Uint8Array.from(bytes) });
    const manifest = manifestOf(create(ResourceSchema, { id: IDENTITY, data }), everyRegistry);
    expect(manifest).toMatchObject({
      data: { "@type": typeUrl, value: Buffer.from(bytes).toString("base64") },
    });
    const { resources, problems } = readText(yamlText(manifest));
    expect(problems).toEqual([]);
    expect(resources[0]?.data).toMatchObject({ typeUrl, value: Uint8Array.from(bytes) });
  });

  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.constantFrom(
      "",
      "yes",
      "~",
      "null",
      "1e3",
      "0x1f",
      "2026-01-01",
      "a: b",
      "- a",
      "#",
      "*x",
      "&y",
      "\t",
      " ",
      "\n",
      "a\r\nb",
      "12:30",
      "<<",
      "=",
      "'",
      '"',
      "\u2028",
      "\u0000",
      "%",
      "@type",
    ),
  );

  it.each([...catalog.types, ...demo.types].map((type) => [type.gvk, type] as const))(
    "of %s, as YAML and as JSON, is read back to the same bytes",
    (_, type) => {
      const known = testType(type.gvk, { messageName: type.schema.typeName, scope: type.scope });
      const registry = registryOf(type);
      fc.assert(
        fc.property(
          messageJson(type.schema, text, 3),
          fc.dictionary(text, text, { maxKeys: 3 }),
          (json, metadata) => {
            const value = toBinary(type.schema, fromJson(type.schema, json));
            const { group, groupVersion, kind } = type;
            const resource = create(ResourceSchema, {
              id: { type: { group, groupVersion, kind }, name: "a" },
              metadata,
              data: create(AnySchema, { typeUrl: `type.googleapis.com/${type.schema.typeName}`, value }),
            });
            const manifest = manifestOf(resource, registry);
            for (const printed of [yamlText(manifest), JSON.stringify(manifest, undefined, 2)]) {
              const { resources, problems } = readText(printed, { types: [known], registry });
              expect(problems).toEqual([]);
              expect(resources.map(({ data }) => data?.value)).toEqual([value]);
              expect({ ...resources[0]?.metadata }).toEqual(metadata);
            }
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  it("of a message with a field of every kind is read back to the same bytes", () => {
    const schema = everyRegistry.getMessage("test.v1.Every");
    if (schema === undefined) throw new Error("the test has no schema");
    fc.assert(
      fc.property(messageJson(schema, text, 1), (json) => {
        const value = toBinary(schema, fromJson(schema, json, { registry: everyRegistry }));
        const data = create(AnySchema, { typeUrl: "type.googleapis.com/test.v1.Every", value });
        const printed = yamlText(manifestOf(create(ResourceSchema, { id: IDENTITY, data }), everyRegistry));
        const { resources, problems } = readText(printed, { types: [everyType] });
        expect(problems).toEqual([]);
        expect(resources.map((one) => one.data?.value)).toEqual([value]);
      }),
      { numRuns: 100 },
    );
  });
});

function registryOf({ schema }: Pick<ResourceType, "schema">): Registry {
  return createRegistry(schema);
}

/** Any JSON of a message that protobuf reads. */
function messageJson(
  schema: DescMessage,
  text: fc.Arbitrary<string>,
  depth: number,
): fc.Arbitrary<JsonValue> {
  const known = WELL_KNOWN[schema.typeName];
  if (known !== undefined) return known(text);
  const seen = new Set<string>();
  const fields = schema.fields.filter(({ oneof, message }) => {
    if (depth === 0 && message !== undefined) return WELL_KNOWN[message.typeName] !== undefined;
    if (oneof === undefined) return true;
    const first = !seen.has(oneof.name);
    seen.add(oneof.name);
    return first;
  });
  return fc.record(
    Object.fromEntries(fields.map((field) => [field.jsonName, fieldJson(field, text, depth)])),
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonValue>;
}

function fieldJson(field: DescField, text: fc.Arbitrary<string>, depth: number): fc.Arbitrary<JsonValue> {
  const one =
    field.message !== undefined
      ? messageJson(field.message, text, depth - 1)
      : field.enum !== undefined
        ? fc.constantFrom(...field.enum.values.map(({ name }) => name))
        : scalarJson(field.scalar ?? ScalarType.STRING, text);
  if (field.fieldKind === "list") return fc.array(one, { maxLength: 3 });
  if (field.fieldKind !== "map") return one;
  const key = scalarJson(field.mapKey, text).map(String);
  return fc.dictionary(key, one, { maxKeys: 3, noNullPrototype: true });
}

function scalarJson(type: ScalarType, text: fc.Arbitrary<string>): fc.Arbitrary<string | number | boolean> {
  if (type === ScalarType.BOOL) return fc.boolean();
  if (type === ScalarType.INT32) return fc.integer();
  if (type === ScalarType.UINT32) return fc.nat();
  if (type === ScalarType.INT64) return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
  if (type === ScalarType.UINT64) return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  if (type === ScalarType.BYTES)
    return fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("base64"));
  const special = fc.constantFrom("NaN", "Infinity", "-Infinity");
  if (type === ScalarType.DOUBLE)
    return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), special);
  if (type === ScalarType.FLOAT) return fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), special);
  return text;
}

const plain = (text: fc.Arbitrary<string>) =>
  fc
    .jsonValue({ maxDepth: 2 })
    .chain((value) => fc.constantFrom(value))
    .map((value) => value as JsonValue)
    .chain((value) => fc.oneof(fc.constant(value), text));

const WELL_KNOWN: Readonly<Record<string, (text: fc.Arbitrary<string>) => fc.Arbitrary<JsonValue>>> = {
  "google.protobuf.Any": (text) =>
    text.map((one) => ({
      "@type": "type.googleapis.com/test.v1.Every",
      ...(one === "" ? {} : { text: one }),
    })),
  "google.protobuf.Duration": () =>
    fc.integer({ min: -1e9, max: 1e9 }).map((ms) => `${(ms / 1000).toFixed(3)}s`),
  "google.protobuf.FieldMask": () => fc.constantFrom("text", "text,rawBytes"),
  "google.protobuf.Int64Value": () => fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  "google.protobuf.StringValue": (text) => text,
  "google.protobuf.Struct": (text) => fc.dictionary(text, plain(text), { maxKeys: 3, noNullPrototype: true }),
  "google.protobuf.Timestamp": () =>
    fc
      .date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true })
      .map((date) => date.toISOString()),
  "google.protobuf.Value": (text) => plain(text),
};
