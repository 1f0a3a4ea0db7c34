import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "@jest/globals";
import {
  BatchWriteRequestSchema,
  ReadRequestSchema,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { IDSchema, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { requestReaders } from "./request-readers.ts";

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const text = fc.oneof(
  { weight: 9, arbitrary: name },
  { weight: 9, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) },
  { weight: 3, arbitrary: fc.constant("") },
);
const key = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "7"));
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const type = fc.record({ group: name, groupVersion: text, kind: name });
const tenancy = fc.record({ partition: text, namespace: text });
const id = fc.record({ uid: text, name: text, type: option(type), tenancy: option(tenancy) });
const condition = fc.record({ type: text, state: fc.constantFrom(0, 1, 2), message: text });
const status = fc.record({ observedGeneration: text, conditions: fc.array(condition, { maxLength: 2 }) });
const resource = fc.record({
  id: option(id),
  owner: option(id),
  version: text,
  generation: text,
  metadata: fc.dictionary(key, text, { maxKeys: 3 }),
  status: fc.dictionary(key, status, { maxKeys: 2 }),
  data: option(fc.record({ typeUrl: text, value: fc.uint8Array({ maxLength: 300 }) })),
});
const check = fc.record({ id, absent: fc.boolean() });
const write = fc.record({
  resource: option(resource),
  dryRun: fc.boolean(),
  mode: fc.constantFrom(0, 1, 2, 3, 200),
  preconditions: fc.array(check, { maxLength: 1 }),
});
const operation = fc.oneof(
  write.map((value) => ({ case: "write" as const, value })),
  fc.record({ id, key: text }).map((value) => ({ case: "writeStatus" as const, value })),
  fc.record({ id, dryRun: fc.boolean() }).map((value) => ({ case: "delete" as const, value })),
  check.map((value) => ({ case: "check" as const, value })),
  fc.constant({ case: undefined }),
);
const operations = fc.array(
  operation.map((value) => ({ operation: value })),
  { maxLength: 4 },
);

const REQUESTS: readonly (readonly [string, DescMessage, fc.Arbitrary<Message>])[] = [
  ["a read", ReadRequestSchema, fc.record({ id: option(id) }).map((init) => create(ReadRequestSchema, init))],
  ["a write", WriteRequestSchema, write.map((init) => create(WriteRequestSchema, init as never))],
  [
    "a batch",
    BatchWriteRequestSchema,
    fc.record({ operations }).map((init) => create(BatchWriteRequestSchema, init as never)),
  ],
];

/** A message as it is compared: what is read when it is looked at has been looked at. */
function seen(message: Message | undefined): unknown {
  if (message?.$typeName !== BatchWriteRequestSchema.typeName) return message;
  const batch = message as Message & { readonly operations: readonly (Message & { operation: unknown })[] };
  return {
    $typeName: batch.$typeName,
    operations: batch.operations.map(({ $typeName, operation: arm }) => ({ $typeName, operation: arm })),
  };
}

function read(schema: DescMessage, bytes: Uint8Array): unknown {
  try {
    return seen(requestReaders.get(schema)?.(bytes));
  } catch {
    return undefined;
  }
}

function decoded(schema: DescMessage, bytes: Uint8Array): unknown {
  try {
    return seen(fromBinary(schema, bytes));
  } catch {
    return "broken";
  }
}

describe.each(REQUESTS)("%s in its bytes", (_, schema, message) => {
  it("is read as the library reads it, or left to it", () => {
    let mine = 0;
    fc.assert(
      fc.property(message, (request) => {
        const bytes = Buffer.from(toBinary(schema, request));
        const found = read(schema, bytes);
        if (found === undefined) return;
        mine += 1;
        expect(found).toEqual(decoded(schema, bytes));
      }),
      { numRuns: 1_000 },
    );
    expect(mine).toBeGreaterThan(50);
  });

  it("is left to the library, or read as the library reads it, when its bytes are spoilt, cut or repeated", () => {
    const spoilt = fc.tuple(
      message,
      fc.nat(),
      fc.nat({ max: 255 }),
      fc.constantFrom("set", "cut", "insert", "twice"),
    );
    fc.assert(
      fc.property(spoilt, ([request, place, byte, how]) => {
        const whole = [...toBinary(schema, request)];
        const at = whole.length === 0 ? 0 : place % whole.length;
        if (how === "set") whole[at] = byte;
        else if (how === "cut") whole.splice(at);
        else if (how === "insert") whole.splice(at, 0, byte);
        const bytes = Buffer.from(how === "twice" ? [...whole, ...whole] : whole);
        const found = read(schema, bytes);
        if (found !== undefined) expect(found).toEqual(decoded(schema, bytes));
      }),
      { numRuns: 3_000 },
    );
  });
});

const ALBUM = {
  id: {
    name: "a",
    type: { group: "demo", groupVersion: "v2", kind: "Album" },
    tenancy: { partition: "default", namespace: "default" },
  },
  metadata: { a: "b" },
  data: { typeUrl: "type.googleapis.com/trellis.demo.v2.Album", value: Uint8Array.of(1, 2, 3) },
};
const bytesOf = (init: object): Buffer =>
  Buffer.from(toBinary(WriteRequestSchema, create(WriteRequestSchema, init)));

describe("a write as most clients send it", () => {
  it("is read here, whatever order its fields come in", () => {
    const writer = new BinaryWriter()
      .uint32(101 << 3)
      .uint32(1)
      .uint32(100 << 3)
      .bool(true)
      .tag(1, 2)
      .fork();
    writer
      .tag(3, 2)
      .string("7")
      .raw(toBinary(ResourceSchema, create(ResourceSchema, ALBUM)))
      .join();
    const bytes = Buffer.from(writer.finish());
    const found = requestReaders.get(WriteRequestSchema)?.(bytes);
    expect(found).toEqual(fromBinary(WriteRequestSchema, bytes));
    expect(found).toMatchObject({ mode: 1, dryRun: true, resource: { version: "7" } });
  });

  it("is not another's whose type, tenancy or payload's type begin alike", () => {
    const names = ["demo", "dem", "demos", "", "Demo"];
    for (const one of names)
      for (const other of names) {
        for (const word of [one, other]) {
          const bytes = bytesOf({
            resource: {
              ...ALBUM,
              id: {
                ...ALBUM.id,
                type: { group: word, groupVersion: word, kind: word },
                tenancy: { partition: word, namespace: word },
              },
              data: { ...ALBUM.data, typeUrl: word },
            },
          });
          const found = requestReaders.get(WriteRequestSchema)?.(bytes);
          if (word !== "") expect(found).toBeDefined();
          if (found !== undefined) expect(found).toEqual(fromBinary(WriteRequestSchema, bytes));
        }
      }
  });

  it.each([
    ["a field that is not known", [0xfa, 0x7f, 1, 9]],
    ["a mode that is not known", [0xa8, 0x06, 9]],
    ["a number in more bytes than it takes", [0xa8, 0x06, 0x81, 0x00]],
    ["a precondition", [0xb2, 0x06, 0]],
    ["its resource again", [0x0a, 0]],
    ["half a number", [0xa8]],
    ["a length that goes on for ever", [0x0a, 0xff, 0xff, 0xff, 0xff]],
  ])("is left to the library with %s", (_, more) => {
    const bytes = Buffer.from([...bytesOf({ resource: ALBUM }), ...more]);
    expect(requestReaders.get(WriteRequestSchema)?.(bytes)).toBeUndefined();
  });
});

describe("a message within a write that comes in two parts, which the library merges,", () => {
  const { id, data } = ALBUM;
  const idBytes = (init: object): Uint8Array => toBinary(IDSchema, create(IDSchema, init));
  const resourceBytes = (init: object): Uint8Array => toBinary(ResourceSchema, create(ResourceSchema, init));

  it.each([
    ["id", [resourceBytes({ id: { name: "a" } }), resourceBytes({ id: { uid: "u" } })]],
    ["owner", [resourceBytes({ id, owner: id }), resourceBytes({ owner: { uid: "u" } })]],
    [
      "data",
      [resourceBytes({ id, data }), resourceBytes({ data: { typeUrl: "x", value: Uint8Array.of(1) } })],
    ],
    ["type", [idBytes(id), idBytes({ type: { group: "demo" } })]],
    ["tenancy", [idBytes(id), idBytes({ tenancy: { namespace: "other" } })]],
  ])("is left to the library: %s", (what, parts) => {
    const whole = Buffer.concat(parts);
    const isInId = what === "type" || what === "tenancy";
    const inner = isInId ? new BinaryWriter().tag(1, 2).bytes(whole).finish() : whole;
    const bytes = Buffer.from(new BinaryWriter().tag(1, 2).bytes(inner).finish());
    expect(fromBinary(WriteRequestSchema, bytes).resource).toBeDefined();
    expect(requestReaders.get(WriteRequestSchema)?.(bytes)).toBeUndefined();
  });
});

describe("a batch whose operations are read when they are looked at", () => {
  const request = create(BatchWriteRequestSchema, {
    operations: [
      { operation: { case: "write", value: { resource: ALBUM } } },
      { operation: { case: "delete", value: {} } },
    ],
  });
  const bytes = Buffer.from(toBinary(BatchWriteRequestSchema, request));

  it("shows the same each time, and a message of its own", () => {
    const batch = requestReaders.get(BatchWriteRequestSchema)?.(bytes) as typeof request;
    for (const [at, { operation: expected }] of request.operations.entries()) {
      const looks = [1, 2, 3].map(() => batch.operations[at]?.operation);
      for (const look of looks)
        expect(look).toEqual(fromBinary(BatchWriteRequestSchema, bytes).operations[at]?.operation);
      expect(looks[0]).not.toBe(looks[1]);
      expect(looks[1]).not.toBe(looks[2]);
      expect(looks[0]?.case).toBe(expected.case);
    }
  });

  it("is not read with one that is broken", () => {
    const broken = Buffer.from([...bytes, 0x0a, 3, 0x0a, 5, 0]);
    expect(() => requestReaders.get(BatchWriteRequestSchema)?.(broken)).toThrow();
  });

  it("shows nothing that shares memory with the batch, which others may have after it", () => {
    const reader = requestReaders.get(BatchWriteRequestSchema);
    const own = Buffer.from(bytes);
    const batch = reader?.(own) as typeof request;
    const looks = [1, 2].flatMap(() => batch.operations.map(({ operation }) => operation));
    own.fill(0xff);
    for (const [at, look] of looks.entries())
      expect(look).toEqual(fromBinary(BatchWriteRequestSchema, bytes).operations[at % 2]?.operation);
  });

  it("shows nothing once its bytes were taken from it", () => {
    const reader = requestReaders.get(BatchWriteRequestSchema);
    const batch = reader?.(Buffer.from(bytes)) as typeof request;
    expect(batch.operations.map(({ operation }) => operation.case)).toHaveLength(request.operations.length);
    reader?.release?.(batch);
    for (const operation of batch.operations) expect(() => operation.operation).toThrow("answered already");
  });

  it("is encoded by the library as any other", () => {
    const batch = requestReaders.get(BatchWriteRequestSchema)?.(bytes) as typeof request;
    expect(Buffer.from(toBinary(BatchWriteRequestSchema, batch))).toEqual(bytes);
  });
});
