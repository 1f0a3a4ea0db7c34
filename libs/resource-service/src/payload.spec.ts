import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import type { ResourceType } from "@trellis/resource";

import { readPayload } from "./payload.ts";

/** A type whose message has bytes. */
const TYPE = { schema: AnySchema, gvk: "test.v1.Any" } as unknown as ResourceType;

function sent(value: Uint8Array): Any {
  return create(AnySchema, { typeUrl: `example.dev/${AnySchema.typeName}`, value });
}

describe("a payload", () => {
  const bytes = toBinary(AnySchema, create(AnySchema, { typeUrl: "x", value: Uint8Array.of(1, 2, 3) }));

  it.each([
    ["in its canonical encoding", bytes],
    ["in another, which is encoded anew", Uint8Array.of(...bytes.subarray(3), ...bytes.subarray(0, 3))],
  ])("%s shares no memory with its message, nor with what was sent", (_, value) => {
    // As what comes off a socket: a view, of which the platform's slice is a view again.
    const memory = Buffer.from(value);
    const payload = readPayload(TYPE, sent(memory));
    const { any } = payload;
    expect(any).toMatchObject({ typeUrl: `type.googleapis.com/${AnySchema.typeName}` });
    const message = payload.message as Any;
    expect(message).toEqual(create(AnySchema, { typeUrl: "x", value: Buffer.of(1, 2, 3) }));
    expect(payload.message).toBe(message);
    memory.fill(7);
    expect(message.value).toEqual(Buffer.of(1, 2, 3));
    message.value.fill(9);
    expect(Buffer.from(any?.value ?? [])).toEqual(Buffer.from(bytes));
    expect(payload.any).toBe(any);
  });

  it("that is absent has the empty message", () => {
    expect(readPayload(TYPE, undefined)).toEqual({
      any: undefined,
      sent: undefined,
      message: create(AnySchema),
    });
  });
});
