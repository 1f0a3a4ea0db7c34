import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "@jest/globals";
import { ListResponseSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { encodeBinary } from "./encode-binary.ts";

const schema = ListResponseSchema;
const encode = (message: Message): Uint8Array => toBinary(schema, message as never);
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

  it("is that for a message that was read with such fields", () => {
    const bytes = Uint8Array.from([...toBinary(schema, create(schema, { version: "7" })), 0xfa, 0x7f, 1, 9]);
    expect(Buffer.from(encodeBinary(encode, fromBinary(schema, bytes)))).toEqual(Buffer.from(bytes));
  });
});
