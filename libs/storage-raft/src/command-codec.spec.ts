import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { StorageCommandSchema } from "@trellis/protos/trellis/storage/v1/log_pb.js";
import { type Operation, StandingCheck, toVersion, type Version } from "@trellis/storage";
import { toOperationMessage, toRequestMessage } from "@trellis/storage/wire";

import { type Command, STORAGE_KIND } from "./command.ts";
import { decodeByLibrary, decodeCommand, decodePlainCommit, encodeCommand } from "./command-codec.ts";
import { put } from "./test-support/contents.ts";
import { command } from "./test-support/arbitraries.ts";

/** As the library does it, from the message that was read. */
function encodedByLibrary(one: Command): Uint8Array {
  const read = fromBinary(StorageCommandSchema, encodeCommand(one).subarray(1));
  const value = one.kind === "commit" ? { case: "commit" as const, value: commitMessage(one) } : read.command;
  const bytes = toBinary(StorageCommandSchema, create(StorageCommandSchema, { command: value }));
  return Uint8Array.of(STORAGE_KIND, ...bytes);
}

function commitMessage({ request, operations }: Extract<Command, { kind: "commit" }>) {
  return {
    operations: operations.map(toOperationMessage),
    ...(request !== undefined && { session: toRequestMessage(request) }),
  };
}

/** A remembered check as it is read the first time. */
function withPlainCheck(operation: Operation): Operation {
  if (!(operation instanceof StandingCheck)) return operation;
  const { kind, key, preconditions } = operation;
  return { kind, key: { ...key }, preconditions: preconditions.map((one) => ({ ...one })) };
}

describe("a command in the log", () => {
  it("is read as it was written, behind the byte that says whose it is", () => {
    fc.assert(
      fc.property(command, (one) => {
        const entry = encodeCommand(one);
        expect(entry[0]).toBe(STORAGE_KIND);
        expect(decodeCommand(entry.subarray(1))).toEqual(one);
      }),
    );
  });

  it("is encoded as the library encodes it, byte for byte, also where it is large or not plain", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("a\ud800", "\udc00b"),
      fc.string({ minLength: 60, maxLength: 200 }),
    );
    const key = fc.record({ group: text, kind: text, partition: text, namespace: text, name: text });
    const large = fc
      .record({ key, uid: text, generation: text, bytes: fc.uint8Array({ maxLength: 20_000 }) })
      .map(({ key: of, uid, generation, bytes }): Command => ({
        kind: "commit",
        request: { session: { id: uid, openedAt: 2 ** 53 - 1 }, sequence: 2 ** 40, lowestUnanswered: 1 },
        operations: [
          {
            kind: "put",
            key: of,
            record: { uid, groupVersion: "v1", generation, owner: { key: of, uid }, marked: true, bytes },
            preconditions: [
              { kind: "version", version: toVersion(2 ** 53 - 1) },
              { kind: "generation", generation },
            ],
          },
        ],
      }));
    fc.assert(
      fc.property(fc.oneof(command, large), (one) => {
        expect(encodeCommand(one)).toEqual(encodedByLibrary(one));
      }),
    );
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    "is not made with a version that is no number of one: %d",
    (version) => {
      const preconditions = [{ kind: "version", version: version as Version }] as const;
      const operations = [put("a", "x", ...preconditions)];
      expect(() => encodeCommand({ kind: "commit", request: undefined, operations })).toThrow("whole number");
      const next = { kind: "commit", request: undefined, operations: [put("a", "x")] } as const;
      expect(encodeCommand(next)).toEqual(encodedByLibrary(next));
    },
  );

  it("tells a uid that is empty from one that is left out", () => {
    const preconditions = [{ kind: "exists", uid: "" }, { kind: "exists" }, { kind: "live" }] as const;
    const decoded = decodeCommand(
      encodeCommand({
        kind: "commit",
        request: undefined,
        operations: [put("a", "x", ...preconditions)],
      }).subarray(1),
    );
    expect(decoded).toMatchObject({ operations: [{ preconditions }] });
    expect(JSON.stringify(decoded)).toContain(JSON.stringify(preconditions));
  });

  it("is read by hand as the library reads it, or not at all, whatever its bytes are", () => {
    let readByHand = 0;
    const change = fc.tuple(fc.nat(), fc.nat({ max: 1 }), fc.uint8Array({ maxLength: 1 }));
    fc.assert(
      fc.property(command, fc.option(change, { nil: undefined }), (one, changed) => {
        let bytes = encodeCommand(one).subarray(1);
        if (changed !== undefined) {
          const at = changed[0] % (bytes.length + 1);
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...changed[2], ...bytes.subarray(at + changed[1]));
        }
        const byHand = decodePlainCommit(bytes);
        if (changed === undefined) expect(byHand !== undefined).toBe(one.kind === "commit");
        if (byHand === undefined) return;
        readByHand++;
        expect({ ...byHand, operations: byHand.operations.map(withPlainCheck) }).toStrictEqual(
          decodeByLibrary(bytes),
        );
      }),
      { numRuns: 4_000 },
    );
    expect(readByHand).toBeGreaterThan(1_000);
  });

  it("shares no memory with what the caller holds", () => {
    const operation = put("a", "text");
    const entry = encodeCommand({ kind: "commit", request: undefined, operations: [operation] });
    const before = Uint8Array.from(entry);
    if (operation.kind === "put") operation.record.bytes.fill(0);
    expect(entry).toEqual(before);
  });
});
