import {
  create,
  createFileRegistry,
  type DescMessage,
  equals,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_struct, StructSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { compareCodePoints, encodeCanonical } from "./canonical.ts";

const keys = fc.string({ unit: "binary", maxLength: 6 }).filter((key) => key !== "__proto__");

/** A metadata map, and the same one put together in another order. */
const shuffledEntries = fc
  .uniqueArray(fc.tuple(keys, fc.string()), { selector: ([key]) => key, maxLength: 8 })
  .chain((entries) =>
    fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
  );

describe("canonical encoding", () => {
  it("gives equal messages equal bytes, in whatever order their maps were filled", () => {
    fc.assert(
      fc.property(shuffledEntries, fc.string(), ([entries, shuffled], version) => {
        const status = (pairs: readonly (readonly [string, string])[]) =>
          Object.fromEntries(pairs.map(([key, value]) => [key, { observedGeneration: value }]));
        const a = create(ResourceSchema, {
          version,
          metadata: Object.fromEntries(entries),
          status: status(entries),
        });
        const b = create(ResourceSchema, {
          version,
          metadata: Object.fromEntries(shuffled),
          status: status(shuffled),
        });
        const inOrder = entries.toSorted(([one], [other]) => compareCodePoints(one, other));
        const c = create(ResourceSchema, {
          version,
          metadata: Object.fromEntries(inOrder),
          status: status(inOrder),
        });
        const expected = Buffer.from(encodeCanonical(ResourceSchema, a));
        for (const other of [b, c]) expect(expected.compare(encodeCanonical(ResourceSchema, other))).toBe(0);
      }),
    );
  });

  it("decodes to what was encoded", () => {
    fc.assert(
      fc.property(
        fc.dictionary(keys, fc.string()),
        fc.string(),
        fc.uint8Array(),
        (metadata, generation, value) => {
          const message = create(ResourceSchema, {
            id: { name: generation, uid: "u", type: { kind: "K" } },
            generation,
            metadata,
            data: { typeUrl: "x/y", value },
          });
          expect(
            equals(
              ResourceSchema,
              message,
              fromBinary(ResourceSchema, encodeCanonical(ResourceSchema, message)),
            ),
          ).toBe(true);
        },
      ),
    );
  });

  it("orders maps inside of maps, oneofs and lists", () => {
    const value = (fields: object) => create(StructSchema, fields as never);
    const nested = (first: string, second: string) =>
      value({
        fields: {
          list: {
            kind: {
              case: "listValue",
              value: {
                values: [
                  {
                    kind: {
                      case: "structValue",
                      value: { fields: { [first]: number(1), [second]: number(1) } },
                    },
                  },
                ],
              },
            },
          },
        },
      });
    const number = (one: number) => ({ kind: { case: "numberValue" as const, value: one } });
    expect(encodeCanonical(StructSchema, nested("x", "y"))).toEqual(
      encodeCanonical(StructSchema, nested("y", "x")),
    );
    expect(
      equals(
        StructSchema,
        fromBinary(StructSchema, encodeCanonical(StructSchema, nested("y", "x"))),
        nested("x", "y"),
      ),
    ).toBe(true);
  });

  it("keeps fields that the schema does not know, by number", () => {
    const unknown = (...numbers: readonly number[]) =>
      Buffer.concat(
        numbers.map((no) =>
          Buffer.from(
            toBinary(ResourceSchema, {
              ...create(ResourceSchema),
              $unknown: [{ no, wireType: 0, data: Uint8Array.of(1) }],
            }),
          ),
        ),
      );
    const one = encodeCanonical(ResourceSchema, fromBinary(ResourceSchema, unknown(200, 100)));
    const other = encodeCanonical(ResourceSchema, fromBinary(ResourceSchema, unknown(100, 200)));
    expect(one).toEqual(other);
    expect(one.length).toBeGreaterThan(0);
  });

  it("of a message with the fields of its payload type is the library's own where order cannot vary", () => {
    const artist = create(ArtistSchema, { name: "Korn", genre: 4, groupMembers: { Jonathan: "vocals" } });
    expect(encodeCanonical(ArtistSchema, artist)).toEqual(toBinary(ArtistSchema, artist));
  });
});

describe("the order of code points", () => {
  it("is the order of UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

/** A message with a Struct in each kind of field, beside a map. */
function structHolder(): DescMessage {
  const struct = ".google.protobuf.Struct";
  const entry = (name: string, value: object) => ({
    name,
    options: { mapEntry: true },
    field: [
      { name: "key", number: 1, label: 1, type: 9 },
      { name: "value", number: 2, label: 1, ...value },
    ],
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    dependency: ["google/protobuf/struct.proto"],
    messageType: [
      {
        name: "Holder",
        field: [
          { name: "labels", number: 1, label: 3, type: 11, typeName: ".test.Holder.LabelsEntry" },
          { name: "one", number: 2, label: 1, type: 11, typeName: struct },
          { name: "many", number: 3, label: 3, type: 11, typeName: struct },
          { name: "named", number: 4, label: 3, type: 11, typeName: ".test.Holder.NamedEntry" },
        ],
        nestedType: [entry("LabelsEntry", { type: 9 }), entry("NamedEntry", { type: 11, typeName: struct })],
      },
    ],
  });
  const registry = createFileRegistry(file, (name) =>
    name === "google/protobuf/struct.proto" ? file_google_protobuf_struct.proto : undefined,
  );
  const schema = registry.getMessage("test.Holder");
  if (schema === undefined) throw new Error("the schema is not there");
  return schema;
}

describe("canonical encoding of a Struct in a field, which the library has as a plain object", () => {
  const schema = structHolder();
  const json = { x: 1, y: "z", list: [{ b: true, a: null }], $typeName: "google.protobuf.Struct" };
  const turned = Object.fromEntries(Object.entries(json).toReversed());
  const holder = (labels: Record<string, string>, of: object, named: object) =>
    create(schema, { labels, one: of, many: [of, {}], named } as MessageInitShape<typeof schema>);

  it.each([
    ["in order", { a: "1", b: "2" }, json, { p: json, q: {} }],
    ["in another", { b: "2", a: "1" }, turned, { q: {}, p: turned }],
  ])("keeps all of it, and gives equal ones equal bytes: %s", (_, labels, of, named) => {
    const bytes = encodeCanonical(schema, holder(labels, of, named));
    expect(fromBinary(schema, bytes)).toMatchObject({
      labels,
      one: json,
      many: [json, {}],
      named: { p: json, q: {} },
    });
    expect(Buffer.from(bytes)).toEqual(
      Buffer.from(encodeCanonical(schema, holder({ a: "1", b: "2" }, json, { p: json, q: {} }))),
    );
  });
});
