import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { FieldDescriptorProtoSchema, StructSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "@jest/globals";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ListRequestSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { IDSchema, ResourceSchema, StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { encodeCanonical } from "./canonical.ts";
import { isCanonicalBytes } from "./canonical-bytes.ts";

const SCHEMAS: readonly DescMessage[] = [
  AlbumSchema,
  WorkloadSchema,
  ListRequestSchema,
  IDSchema,
  ResourceSchema,
  StatusSchema,
  TimestampSchema,
  FieldDescriptorProtoSchema,
  StructSchema,
];

const VARINTS = [
  [0x80, 1],
  [0x80, 0],
  [0x81, 0x80, 0],
  [0xff, 0xff, 0xff, 0xff, 7],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
];
const varint = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom([0], [1], [2]) },
  { weight: 1, arbitrary: fc.constantFrom(...VARINTS) },
);
const TEXTS = ["a", "Korn", "", "", "é", "\ufeffa"].map((text) => [...new TextEncoder().encode(text)]);
/** No text in UTF-8. */
const BROKEN = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]];
const text = fc.constantFrom(...TEXTS, ...BROKEN);
const eight = fc.constantFrom([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);

const delimited = (tag: readonly number[], value: readonly number[]): number[] => [
  ...tag,
  ...new BinaryWriter().uint32(value.length).finish(),
  ...value,
];

/** A field of a message as somebody may write it, mostly as what it is. */
function fieldBytes(field: DescField, depth: number): fc.Arbitrary<number[]> {
  const tag = (wireType: number): number[] => [...new BinaryWriter().tag(field.number, wireType).finish()];
  const asVarint = varint.map((value) => [...tag(0), ...value]);
  const asText = text.map((value) => delimited(tag(2), value));
  const { message } = field;
  if (message !== undefined && depth > 0 && field.fieldKind !== "map")
    return messageBytes(message, depth - 1).map((value) => delimited(tag(2), value));
  const isText =
    field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES || message !== undefined;
  return fc.oneof(
    { weight: 12, arbitrary: isText ? asText : asVarint },
    { weight: 1, arbitrary: isText ? asVarint : asText },
    { weight: 1, arbitrary: eight.map((value) => [...tag(1), ...value]) },
  );
}

/** Up to three fields of a message, in any order and any of them twice. */
function messageBytes(schema: DescMessage, depth: number): fc.Arbitrary<number[]> {
  const fields = fc.oneof(...schema.fields.map((field) => fieldBytes(field, depth)));
  return fc.array(fields, { maxLength: 3 }).map((parts) => parts.flat());
}

function decoded(schema: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}

describe("bytes that are seen to be canonical", () => {
  it.each(SCHEMAS.map((schema) => [schema.name, schema] as const))(
    "are what the encoder makes of the message: %s",
    (_, schema) => {
      let canonical = 0;
      fc.assert(
        fc.property(messageBytes(schema, 2), (written) => {
          const bytes = Uint8Array.from(written);
          if (!isCanonicalBytes(schema, bytes)) return;
          if (bytes.length > 0) canonical += 1;
          const message = decoded(schema, bytes);
          expect(message && Buffer.from(encodeCanonical(schema, message))).toEqual(Buffer.from(bytes));
        }),
        { numRuns: 3_000 },
      );
      // Nothing of a Struct is decided here but an empty one.
      expect(canonical > 5).toBe(schema !== StructSchema);
    },
  );

  it("are the payloads that clients send", () => {
    const album = create(AlbumSchema, { title: "Issues", name: "issues" } as never);
    const workload = create(WorkloadSchema, {
      addresses: [{ host: "10.0.0.1", ports: ["http"] }, { host: "10.0.0.2" }],
    });
    const status = create(StatusSchema, { conditions: [{ type: "Ready", state: 1, message: "" }] });
    for (const [schema, message] of [
      [AlbumSchema, album],
      [WorkloadSchema, workload],
      [StatusSchema, status],
    ] as const)
      expect(isCanonicalBytes(schema, encodeCanonical(schema as DescMessage, message))).toBe(true);
  });

  it("are none where they end in the middle, or stand in another order", () => {
    const bytes = encodeCanonical(
      StatusSchema,
      create(StatusSchema, { observedGeneration: "g", conditions: [{ type: "Ready" }] }),
    );
    expect(isCanonicalBytes(StatusSchema, bytes)).toBe(true);
    for (let end = 1; end < bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      const message = decoded(StatusSchema, cut);
      if (isCanonicalBytes(StatusSchema, cut))
        expect(message && encodeCanonical(StatusSchema, message as never)).toEqual(cut);
    }
    const [first, second] = [bytes.subarray(0, 3), bytes.subarray(3)];
    expect(isCanonicalBytes(StatusSchema, Buffer.concat([second, first]))).toBe(false);
  });

  it("are none that go too deep, and looking at them ends", () => {
    let bytes: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 40; depth++) bytes = new BinaryWriter().tag(9, 2).bytes(bytes).finish();
    expect(isCanonicalBytes(FieldDescriptorProtoSchema, bytes)).toBe(false);
  });
});
