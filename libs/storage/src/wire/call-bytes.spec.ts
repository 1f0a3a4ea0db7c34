import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { CommitSchema } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import type { RecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import { AnswerSchema, CallSchema } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import fc from "fast-check";

import { type StoredRecord, toVersion } from "../record.ts";
import { decodeAnswer, decodeAnswerMessage, decodeFrequentAnswer, encodeAnswer } from "./answer-bytes.ts";
import {
  type CallContent,
  decodeCall,
  decodeCallMessage,
  decodeFrequentCall,
  encodeCall,
  type ReceivedCall,
} from "./call-bytes.ts";
import {
  fromCommitResultMessage,
  fromListResultMessage,
  fromReadResultMessage,
  readOptions,
  toCommitResultMessage,
  toListResultMessage,
  toMinimumMessage,
  toReadResultMessage,
} from "./call-codec.ts";
import { fromOperationMessage, toOperationMessage } from "./operation-codec.ts";
import { fromKeyMessage } from "./record-codec.ts";
import { fromRequestMessage, toRequestMessage } from "./session-codec.ts";
import * as drawn from "./test-support/arbitraries.ts";

const RUNS = { numRuns: 400 };
const id = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
/** Texts that the library has to read, among those that are plain. */
const text = fc.oneof(
  drawn.text,
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom("\ufeffa", "é"),
);
const oddKey = fc.record({ group: text, kind: text, partition: text, namespace: text, name: text });

const commit = fc
  .record({
    request: fc.option(drawn.sessionRequest, { nil: undefined }),
    operations: fc.array(drawn.operation, { maxLength: 4 }),
    oddKey: fc.option(oddKey, { nil: undefined }),
  })
  .map(({ request, operations, oddKey: odd }) => ({
    request,
    operations:
      odd === undefined
        ? operations
        : [...operations, { kind: "check" as const, key: odd, preconditions: [] }],
  }));
const read = fc.record({
  key: fc.oneof(drawn.key, oddKey),
  strong: fc.boolean(),
  minimum: fc.option(
    fc.oneof(
      drawn.version.map((version) => ({ version })),
      fc.record({ version: drawn.version, storeId: fc.string({ minLength: 1, maxLength: 26 }) }),
    ),
    { nil: undefined },
  ),
});
const content: fc.Arbitrary<CallContent> = fc.oneof(
  commit.map((value): CallContent => ({ case: "commit", value })),
  read.map((value): CallContent => ({ case: "read", value })),
);
const position = fc.record({ storeId: text, version: drawn.version });
const found = fc.record({ record: fc.option(drawn.storedRecord, { nil: undefined }), position });
const listed = fc.record({
  records: fc.array(drawn.storedRecord, { maxLength: 4 }),
  more: fc.boolean(),
  position,
});

const CHECK = { case: "check", value: {} } as const;
const putOf = (value: MessageInitShape<typeof RecordSchema>) => ({ case: "put", value }) as const;

/** A call as the library encodes it. */
function callByLibrary(number: number, call: CallContent): Uint8Array {
  return toBinary(CallSchema, create(CallSchema, { id: BigInt(number), call: initOf(call) }));
}

function initOf(call: CallContent) {
  switch (call.case) {
    case "commit": {
      const { request, operations } = call.value;
      const session = request === undefined ? undefined : toRequestMessage(request);
      return { case: call.case, value: { session, operations: operations.map(toOperationMessage) } } as const;
    }
    case "read": {
      const { key, strong, minimum } = call.value;
      const bound = minimum === undefined ? undefined : toMinimumMessage(minimum);
      return { case: call.case, value: { key, strong, minimum: bound } } as const;
    }
    default:
      return call;
  }
}

/** What the library reads, in the terms of what is read by hand. Throws as an answer to such a call does. */
function readByLibrary(bytes: Uint8Array): ReceivedCall {
  const { id: number, call } = fromBinary(CallSchema, bytes);
  if (call.case === "commit") {
    const { session, operations } = call.value;
    const request = session === undefined ? undefined : fromRequestMessage(session);
    return {
      id: Number(number),
      case: "commit",
      commit: { request, operations: operations.map(fromOperationMessage) },
    };
  }
  if (call.case !== "read") throw new Error("expected a call that comes often");
  const { key, strong, minimum } = call.value;
  const { consistency, minimum: bound } = readOptions(strong, minimum);
  return {
    id: Number(number),
    case: "read",
    key: fromKeyMessage(key),
    options: { consistency, minimum: bound },
  };
}

/** What was read by hand is what the library reads; and so are the bytes of a commit, which are handed on. */
function expectAlike(byHand: ReceivedCall, bytes: Uint8Array): void {
  if (byHand.case !== "commit") {
    expect(byHand).toStrictEqual(readByLibrary(bytes));
    return;
  }
  const { encoded, ...rest } = byHand.commit;
  expect({ ...byHand, commit: rest }).toStrictEqual(readByLibrary(bytes));
  const message = create(CallSchema, {
    call: { case: "commit", value: fromBinary(CommitSchema, encoded ?? bytes) },
  });
  expect(message.call).toEqual(fromBinary(CallSchema, bytes).call);
  const again = encodeCall(7, { case: "commit", value: { ...rest, encoded } });
  expect(decodeFrequentCall(again)).toEqual({ ...byHand, id: 7 });
}

/** Where bytes are changed, how many are left out there, and what is put in. */
type Change = readonly [where: number, removed: number, added: Uint8Array];
const mutations: fc.Arbitrary<readonly Change[]> = fc.oneof(
  fc
    .tuple(fc.nat(), fc.nat({ max: 255 }))
    .map(([where, byte]): Change[] => [[where, 1, Uint8Array.of(byte)]]),
  fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 3 })), {
    minLength: 1,
    maxLength: 3,
  }),
);

function mutated(bytes: Uint8Array, changes: readonly Change[]): Uint8Array {
  return changes.reduce((some, [where, removed, added]) => {
    const at = where % (some.length + 1);
    return Uint8Array.from([...some.subarray(0, at), ...added, ...some.subarray(at + removed)]);
  }, bytes);
}

describe("a call in bytes", () => {
  it("is encoded as the library encodes it, byte for byte", () => {
    fc.assert(
      fc.property(id, content, (number, call) => {
        expect(Buffer.from(encodeCall(number, call)).toString("hex")).toBe(
          Buffer.from(callByLibrary(number, call)).toString("hex"),
        );
      }),
      RUNS,
    );
  });

  it("is read as the library reads it, and by hand where all its texts are plain", () => {
    fc.assert(
      fc.property(id, content, (number, call) => {
        const bytes = callByLibrary(number, call);
        const byHand = decodeFrequentCall(bytes);
        if (byHand === undefined) expect(JSON.stringify(call)).toMatch(/[^\0-\u007f]|\\u[89a-f]|\d{16}/);
        else expectAlike(byHand, bytes);
        expect(decodeCall(bytes).id).toBe(number);
      }),
      RUNS,
    );
  });

  it("of bytes of any kind is read by hand as the library reads it, or not at all", () => {
    let readByHand = 0;
    fc.assert(
      fc.property(id, content, mutations, (number, call, changes) => {
        const bytes = mutated(callByLibrary(number, call), changes);
        const byHand = decodeFrequentCall(bytes);
        if (byHand === undefined) return;
        readByHand++;
        expectAlike(byHand, bytes);
      }),
      { numRuns: 5_000 },
    );
    expect(readByHand).toBeGreaterThan(100);
  });

  it.each<[string, MessageInitShape<typeof CommitSchema>]>([
    ["an operation without a key", { operations: [{ action: { case: "check", value: {} } }] }],
    ["an operation that does nothing", { operations: [{ key: {} }] }],
    ["a precondition of no kind", { operations: [{ key: {}, preconditions: [{}], action: CHECK }] }],
    ["a request without a session", { session: { sequence: 1n }, operations: [] }],
    ["an owner without a key", { operations: [{ key: {}, action: putOf({ owner: { uid: "u" } }) }] }],
  ])("with %s is left to the library, whose message tells what is missing", (_, value) => {
    const message = create(CallSchema, { call: { case: "commit", value } });
    expect(decodeFrequentCall(toBinary(CallSchema, message))).toBeUndefined();
  });

  it("that does not come often is its message, whatever its number", () => {
    const bytes = encodeCall(7, { case: "openSession", value: { id: "s" } });
    expect(decodeCall(bytes)).toMatchObject({
      id: 7,
      case: "message",
      message: { call: { case: "openSession", value: { id: "s" } } },
    });
    const far = toBinary(
      CallSchema,
      create(CallSchema, { id: 2n ** 60n, call: { case: "read", value: {} } }),
    );
    expect(decodeCallMessage(far).id).toBe(2n ** 60n);
    expect(decodeCall(far)).toEqual(decodeCallMessage(far));
  });

  it("that is none is refused as its stream refuses it", () => {
    expect(() => decodeCall(Uint8Array.of(0xff))).toThrow("parse binary");
    expect(() => decodeAnswer(Uint8Array.of(0xff))).toThrow("parse binary");
  });

  it("shares the bytes of its records with what it was read of, and no others", () => {
    const [operation] = fc.sample(
      drawn.operation.filter((one) => one.kind === "put" && one.record.bytes.length > 0),
      1,
    );
    const value = { request: undefined, operations: operation === undefined ? [] : [operation] };
    const bytes = encodeCall(1, { case: "commit", value });
    const call = decodeFrequentCall(bytes);
    const [read] = call?.case === "commit" ? call.commit.operations : [];
    expect(read?.kind === "put" && read.record.bytes.buffer === bytes.buffer).toBe(true);
    expect(operation?.kind === "put" && operation.record.bytes.buffer === bytes.buffer).toBe(false);
  });
});

describe("an answer in bytes", () => {
  const answered = fc.oneof(
    drawn.commitAnswer.map((value) => ({ case: "committed" as const, value })),
    found.map((value) => ({ case: "read" as const, value })),
    listed.map((value) => ({ case: "list" as const, value })),
  );
  type Drawn = typeof answered extends fc.Arbitrary<infer One> ? One : never;

  function byLibrary(number: number, answer: Drawn): Uint8Array {
    return toBinary(AnswerSchema, create(AnswerSchema, { id: BigInt(number), answer: messageOf(answer) }));
  }

  function messageOf(answer: Drawn) {
    switch (answer.case) {
      case "committed":
        return { case: answer.case, value: toCommitResultMessage(answer.value) };
      case "read":
        return { case: answer.case, value: toReadResultMessage(answer.value) };
      case "list":
        return { case: answer.case, value: toListResultMessage(answer.value) };
    }
  }

  function expectAlike(bytes: Uint8Array): boolean {
    const byHand = decodeFrequentAnswer(bytes);
    if (byHand === undefined) return false;
    const { id: number, answer } = fromBinary(AnswerSchema, bytes);
    expect(byHand.id).toBe(Number(number));
    if (answer.case === "committed")
      expect(byHand.answer).toStrictEqual({ case: "applied", value: fromCommitResultMessage(answer.value) });
    else if (answer.case === "read")
      expect(byHand.answer).toStrictEqual({ case: "found", value: fromReadResultMessage(answer.value) });
    else if (answer.case === "list")
      expect(byHand.answer).toStrictEqual({ case: "listed", value: fromListResultMessage(answer.value) });
    else throw new Error(`expected what was read by hand, found ${answer.case}`);
    return true;
  }

  it("is encoded as the library encodes it, byte for byte", () => {
    fc.assert(
      fc.property(id, answered, (number, answer) => {
        expect(Buffer.from(encodeAnswer(number, answer)).toString("hex")).toBe(
          Buffer.from(byLibrary(number, answer)).toString("hex"),
        );
      }),
      RUNS,
    );
  });

  it("is read as the library reads it, and by hand where it was applied, found or listed", () => {
    fc.assert(
      fc.property(id, answered, (number, answer) => {
        const isByHand = expectAlike(byLibrary(number, answer));
        if (!isByHand && (answer.case !== "committed" || answer.value.outcome === "applied"))
          expect(JSON.stringify(answer)).toMatch(/[^\0-\u007f]|\\u[89a-f]|\d{16}/);
        expect(decodeAnswer(byLibrary(number, answer)).id).toBe(number);
      }),
      RUNS,
    );
  });

  it("of bytes of any kind is read by hand as the library reads it, or not at all", () => {
    let readByHand = 0;
    fc.assert(
      fc.property(id, answered, mutations, (number, answer, changes) => {
        if (expectAlike(mutated(byLibrary(number, answer), changes))) readByHand++;
      }),
      { numRuns: 5_000 },
    );
    expect(readByHand).toBeGreaterThan(100);
  });

  it("to a long list is as the library encodes it, after another list as well", () => {
    const [record] = fc.sample(drawn.storedRecord, 1);
    const long = (bytes: number) => ({ ...record, bytes: new Uint8Array(bytes).fill(7) }) as StoredRecord;
    const [store] = fc.sample(position, 1);
    if (store === undefined) throw new Error("expected a position");
    for (const sizes of [[900_000], [10, 300_000, 20], [2_000_000, 2_000_000], [1]]) {
      const value = { records: sizes.map(long), more: true, position: store };
      const encoded = encodeAnswer(9, { case: "list", value });
      expect(Buffer.compare(encoded, byLibrary(9, { case: "list", value }))).toBe(0);
    }
  });

  it("to a call whose number is beyond 2^53 goes to that call", () => {
    const bytes = encodeAnswer(2n ** 60n, { case: "kept", value: true });
    expect(decodeAnswerMessage(bytes)).toMatchObject({
      id: 2n ** 60n,
      answer: { case: "kept", value: true },
    });
    const applied = encodeAnswer(2n ** 60n, {
      case: "committed",
      value: { outcome: "applied", version: toVersion(3) },
    });
    expect(decodeAnswer(applied).id).toBe(2n ** 60n);
  });
});
