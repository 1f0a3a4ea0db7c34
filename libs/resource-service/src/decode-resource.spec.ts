import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type StoredRecord, toVersion } from "@trellis/storage";
import fc from "fast-check";

import { decodeStored } from "./decode-resource.ts";
import { keyOf, recordOf } from "./record.ts";

type Init = MessageInitShape<typeof ResourceSchema>;

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.string({ minLength: 120, maxLength: 300 }),
);
const key = fc.oneof(text, fc.constantFrom("", "__proto__", "constructor"));
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const id = fc.record({
  uid: name,
  name,
  type: fc.record({ group: name, groupVersion: name, kind: name }),
  tenancy: fc.record({
    partition: fc.oneof(name, fc.constant("")),
    namespace: fc.oneof(name, fc.constant("")),
  }),
});
const status = fc.record({
  observedGeneration: text,
  conditions: fc.array(fc.record({ type: text, state: fc.constantFrom(0, 1, 2), message: text }), {
    maxLength: 2,
  }),
});
const resource: fc.Arbitrary<Init> = fc.record({
  id,
  owner: option(id),
  generation: fc.oneof(name, fc.constant("")),
  metadata: fc.dictionary(key, text, { maxKeys: 4 }),
  status: fc.dictionary(key, status, { maxKeys: 3 }),
  data: option(fc.record({ typeUrl: text, value: fc.uint8Array({ maxLength: 300 }) })),
});

function storedOf(init: Init): StoredRecord {
  const made = create(ResourceSchema, init);
  const { owner, ...record } = recordOf(made);
  const stored = { key: keyOf(made.id ?? (undefined as never)), owner, version: toVersion(7) };
  return { ...record, ...stored } as StoredRecord;
}

const PLAIN: Init = {
  id: {
    uid: "01J",
    name: "a",
    type: { group: "g", groupVersion: "v1", kind: "K" },
    tenancy: { partition: "p" },
  },
  generation: "01G",
  metadata: { a: "b" },
  data: { typeUrl: "type.googleapis.com/x.Y", value: Uint8Array.of(1, 2, 3) },
};

describe("a stored resource", () => {
  it("is decoded as the library decodes it", () => {
    fc.assert(
      fc.property(resource, (init) => {
        const record = storedOf(init);
        const decoded = decodeStored(record);
        if (decoded !== undefined) expect(decoded).toEqual(fromBinary(ResourceSchema, record.bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is decoded, where its texts are of ASCII, with all that it may have", () => {
    const init: Init = {
      ...PLAIN,
      owner: { ...PLAIN.id, name: "owner", uid: "01K" },
      metadata: { a: "b", long: "x".repeat(300), empty: "" },
      status: { s: { observedGeneration: "01G", conditions: [{ type: "é", state: 1 }] } },
    };
    const record = storedOf(init);
    expect(decodeStored(record)).toEqual(fromBinary(ResourceSchema, record.bytes));
    expect(decodeStored(storedOf(PLAIN))).toEqual(create(ResourceSchema, PLAIN));
  });

  it("is left to the library where its bytes are not those of its record, or of other fields", () => {
    const record = storedOf(PLAIN);
    const bytesOf = (init: Init): Uint8Array => toBinary(ResourceSchema, create(ResourceSchema, init));
    const others: readonly (readonly [string, Uint8Array])[] = [
      ["another name", bytesOf({ ...PLAIN, id: { ...PLAIN.id, name: "b" } })],
      ["another uid", bytesOf({ ...PLAIN, id: { ...PLAIN.id, uid: "01L" } })],
      [
        "another version of its type",
        bytesOf({
          ...PLAIN,
          id: { ...PLAIN.id, type: { group: "g", groupVersion: "v2", kind: "K" } as never },
        }),
      ],
      ["no tenancy", bytesOf({ ...PLAIN, id: { uid: "01J", name: "a", type: PLAIN.id?.type as object } })],
      ["another generation", bytesOf({ ...PLAIN, generation: "01H" })],
      ["no generation", bytesOf({ ...PLAIN, generation: "" })],
      ["no id", bytesOf({ generation: "01G" })],
      ["a version", bytesOf({ ...PLAIN, version: "7" })],
      ["a text that is not of ASCII", bytesOf({ ...PLAIN, metadata: { a: "é" } })],
      ["a field of a later version", Uint8Array.of(...record.bytes, 0xfa, 0x7f, 1, 9)],
      ["bytes that are cut", record.bytes.subarray(0, -1)],
      ["a length that goes on for ever", Uint8Array.of(...record.bytes, 0x2a, 0xff, 0xff, 0xff, 0xff)],
      ["its id twice", Uint8Array.of(...record.bytes, ...bytesOf({ id: PLAIN.id as object }))],
      ["its payload twice", Uint8Array.of(...record.bytes, ...bytesOf({ data: PLAIN.data as object }))],
    ];
    for (const [what, bytes] of others)
      expect({ what, decoded: decodeStored({ ...record, bytes } as StoredRecord) }).toEqual({
        what,
        decoded: undefined,
      });
  });
});
