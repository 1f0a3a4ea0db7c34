import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { FieldDescriptorProtoSchema, FloatValueSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "@jest/globals";
import {
  ListRequestSchema,
  ListResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { IncarnationSchema } from "@trellis/protos/trellis/storage/v1/commit_pb";
import { LateField } from "@trellis/resource/node";

import { encodeBinary } from "./encode-binary.ts";

const schema = ListResponseSchema;
const encode = {
  schema,
  serialize: (message: Message): Uint8Array => toBinary(schema, message as never),
};
const data = (length: number): Uint8Array => new Uint8Array(length + 1).fill(7).with(0, length);

describe("a message in bytes", () => {
  it.each([
    ["without fields that are not known", []],
    ["with one", [1]],
    ["with several, by numbers of every length", [1, 15, 16, 2_047, 2_048, 262_144, 33_554_432, 536_870_911]],
    ["with several of one number", [1, 1, 1]],
  ])("is what the library makes of it: %s", (_, numbers) => {
    const message = create(schema, { version: "7", nextPageToken: "more", resources: [{ version: "1" }] });
    message.$unknown = numbers.map((no, at) => ({
      no,
      wireType: WireType.LengthDelimited,
      data: data(at * 10),
    }));
    expect(Buffer.from(encodeBinary(encode, message))).toEqual(Buffer.from(toBinary(schema, message)));
    expect(message.$unknown).toHaveLength(numbers.length);
  });

  it("is that with fields that are written where they go", () => {
    class Sevens extends LateField {
      readonly no = 2_048;
      readonly wireType = WireType.LengthDelimited;
      readonly byteLength = 6;

      writeTo(bytes: Uint8Array, at: number): number {
        bytes.set(data(5).fill(7, 0, 5).with(0, 5), at);
        return at + this.byteLength;
      }
    }
    const message = create(schema, { version: "7" });
    message.$unknown = [
      new Sevens(),
      { no: 9, wireType: WireType.LengthDelimited, data: data(3) },
      new Sevens(),
    ];
    expect(Buffer.from(encodeBinary(encode, message))).toEqual(Buffer.from(toBinary(schema, message)));
  });

  it.each([
    ["a number and a text that are unset", ListRequestSchema, { pageSize: 0, pageToken: "" }],
    ["a number that is set", ListRequestSchema, { pageSize: 7 }],
    ["an empty message", ListRequestSchema, { type: {} }],
    ["a number of proto2 that is set to nothing", FieldDescriptorProtoSchema, { number: 0, name: "" }],
    ["a text that is set to nothing, which its field tells apart", IncarnationSchema, { uid: "" }],
    ["an arm that is set to nothing", ValueSchema, { kind: { case: "stringValue", value: "" } }],
    ["a number below zero that is none", FloatValueSchema, { value: -0 }],
  ])("is that beside fields that are known: %s", (_, desc: DescMessage, init) => {
    const message: Message = create(desc, init as never);
    message.$unknown = [{ no: 2_000, wireType: WireType.LengthDelimited, data: data(3) }];
    const serialize = (one: Message): Uint8Array => toBinary(desc, one as never);
    const bytes = encodeBinary({ schema: desc, serialize }, message);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(toBinary(desc, message)));
  });

  it("is that for a message that was read with such fields", () => {
    const bytes = Uint8Array.from([...toBinary(schema, create(schema, { version: "7" })), 0xfa, 0x7f, 1, 9]);
    expect(Buffer.from(encodeBinary(encode, fromBinary(schema, bytes)))).toEqual(Buffer.from(bytes));
  });
});
