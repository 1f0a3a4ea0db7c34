import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "@jest/globals";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { encodeCanonical } from "@trellis/resource";
import fc from "fast-check";

import { encodeResource } from "./encode-resource.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("a\ud800", "\udc00b", `${"x".repeat(80)}\ud800`),
  fc.string({ minLength: 60, maxLength: 300 }),
);
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const id = fc.record({
  uid: text,
  name: text,
  type: option(fc.record({ group: text, groupVersion: text, kind: text })),
  tenancy: option(fc.record({ partition: text, namespace: text })),
});
const key = fc.oneof(text, fc.constantFrom("", "10", "9", "\u{1f600}", "\uffff", "__proto__x"));
const status = fc.record({
  observedGeneration: text,
  conditions: fc.array(fc.record({ type: text, state: fc.constantFrom(0, 1, 7), message: text }), {
    maxLength: 2,
  }),
});
const resource = fc.record({
  id: option(id),
  owner: option(id),
  version: text,
  generation: text,
  metadata: fc.dictionary(key, text, { maxKeys: 5 }),
  status: fc.dictionary(key, status, { maxKeys: 3 }),
  data: option(fc.record({ typeUrl: text, value: fc.uint8Array({ maxLength: 6_000 }) })),
});

const whole = () =>
  create(ResourceSchema, {
    id: { name: "a", type: { kind: "K" }, tenancy: { partition: "p" } },
    owner: { name: "b", type: { kind: "L" }, tenancy: { partition: "q" } },
    data: { typeUrl: "x/Y" },
  });
type Place = (resource: Resource) => Message | undefined;
const PLACES: readonly (readonly [string, Place])[] = [
  ["the resource", (of) => of],
  ["its id", (of) => of.id],
  ["its id's type", (of) => of.id?.type],
  ["its id's tenancy", (of) => of.id?.tenancy],
  ["its owner", (of) => of.owner],
  ["its owner's type", (of) => of.owner?.type],
  ["its owner's tenancy", (of) => of.owner?.tenancy],
  ["its data", (of) => of.data],
];

describe("the encoding of a resource", () => {
  it.each(PLACES)("has what a later version put into %s", (_, place) => {
    const message = whole();
    const plain = encodeResource(message).length;
    const data = Uint8Array.of(2, 7, 8);
    Object.assign(place(message) ?? {}, { $unknown: [{ no: 99, wireType: WireType.LengthDelimited, data }] });
    expect(encodeResource(message)).toEqual(encodeCanonical(ResourceSchema, message));
    expect(encodeResource(message)).toHaveLength(plain + 5);
  });

  it("is the canonical one, byte for byte", () => {
    fc.assert(
      fc.property(resource, (init) => {
        const message = create(ResourceSchema, init as MessageInitShape<typeof ResourceSchema>);
        expect(Buffer.from(encodeResource(message))).toEqual(
          Buffer.from(encodeCanonical(ResourceSchema, message)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it("is memory of its own, and the next one begins anew, also after one that failed", () => {
    const one = create(ResourceSchema, { generation: "one" });
    const first = encodeResource(one);
    const before = Uint8Array.from(first);
    const broken = create(ResourceSchema, { generation: "x", metadata: { a: "b" } });
    Object.assign(broken.metadata, { c: 1 });
    expect(() => encodeResource(broken)).toThrow();
    encodeResource(create(ResourceSchema, { generation: "two", metadata: { a: "b" } }));
    expect(first).toEqual(before);
    expect(encodeResource(one)).toEqual(before);
  });
  it("is written over by none of those that follow", () => {
    const made = Array.from({ length: 500 }, (_, at) =>
      create(ResourceSchema, { generation: `${at}`, metadata: { a: "x".repeat((at * 37) % 5_000) } }),
    );
    const encoded = made.map((one) => encodeResource(one));
    for (const [at, one] of made.entries()) expect(encoded[at]).toEqual(encodeCanonical(ResourceSchema, one));
  });
});
