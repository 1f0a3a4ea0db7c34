import { create, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
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

/** A field as somebody may write it: with a number that there may be, and a value that may be of its type. */
const chunk = (depth: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), varint())
      .map(([number, value]) => Uint8Array.of(number << 3, ...value)),
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), depth === 0 ? text : fc.oneof(text, chunks(depth - 1)))
      .map(([number, value]) => Uint8Array.of((number << 3) | 2, value.length, ...value)),
    fc
      .tuple(fc.integer({ min: 100, max: 104 }), varint())
      .map(([number, value]) => new BinaryWriter().tag(number, 0).raw(Uint8Array.from(value)).finish()),
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.uint8Array({ minLength: 8, maxLength: 8 }))
      .map(([number, value]) => Uint8Array.of((number << 3) | 1, ...value)),
  );
const varint = () =>
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 127 }).map((value) => [value]) },
    fc.constantFrom(
      [0x80, 1],
      [0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 7],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
      [0x81, 0x80, 0],
    ),
  );
const text = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom("", "a", "Korn", "x y") },
    fc.constantFrom("é", "\ufeffa", "\0"),
  )
  .map((found) => new TextEncoder().encode(found));
const chunks = (depth: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(chunk(depth), { maxLength: 4 })
    .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])))
    .filter(({ length }) => length < 128);

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
        fc.property(chunks(2), (bytes) => {
          const message = decoded(schema, bytes);
          if (message === undefined || !isCanonicalBytes(schema, bytes)) return;
          if (bytes.length > 0) canonical += 1;
          expect(Buffer.from(bytes)).toEqual(Buffer.from(encodeCanonical(schema, message)));
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
