import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type BatchWriteResponse,
  BatchWriteResponseSchema,
  OperationResultSchema,
  type WriteResponse,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { unknownBytes, writeUnknown } from "@trellis/resource/node";

import { EncodedResults, ResultMessages } from "./batch-results.ts";
import { PIECE_BYTES, ResultMemory } from "./result-memory.ts";
import { outcomeField, resourceField, withStored } from "./stored-form.ts";

type Init = MessageInitShape<typeof OperationResultSchema>;

function written(
  outcome: WriteResponse_Outcome,
  size: number,
): { stored: WriteResponse; plain: WriteResponse } {
  const resource = create(ResourceSchema, { id: { name: "a".repeat(size) }, generation: "01G" });
  const record = { bytes: toBinary(ResourceSchema, resource) };
  return {
    stored: withStored(create(WriteResponseSchema), [
      resourceField({ record, version: "12" }),
      outcomeField(outcome),
    ]),
    plain: create(WriteResponseSchema, { resource: { ...resource, version: "12" }, outcome }),
  };
}

describe("the results of a batch", () => {
  it("are, as bytes, what they are as messages, whatever they are and in whatever order they come", () => {
    const results: [sent: Init, plain: Init][] = [];
    for (const size of [1, 100, 20_000, 70_000, 300]) {
      const { stored, plain } = written(WriteResponse_Outcome.UPDATED, size);
      results.push([
        { result: { case: "write", value: stored } },
        { result: { case: "write", value: plain } },
      ]);
    }
    const others: Init[] = [
      {
        result: {
          case: "write",
          value: { resource: { version: "3" }, outcome: WriteResponse_Outcome.DELETED },
        },
      },
      { result: { case: "delete", value: { outcome: 2 } } },
      { result: { case: "writeStatus", value: { resource: { version: "4" } } } },
      { result: { case: "error", value: { code: 5, message: "not found" } } },
    ];
    for (const init of others) results.push([init, init]);
    const encoded = new EncodedResults(results.length, new ResultMemory());
    const messages = new ResultMessages();
    for (const index of [8, 3, 0, 7, 1, 6, 2, 5, 4]) {
      const [sent, plain] = results[index] ?? [];
      encoded.set(index, create(OperationResultSchema, sent));
      messages.set(index, create(OperationResultSchema, plain));
    }
    const bytes = toBinary(BatchWriteResponseSchema, encoded.response("77"));
    expect(fromBinary(BatchWriteResponseSchema, bytes)).toEqual(messages.response("77"));
  });

  it("are in the same memory as those of the batch before, once that was sent", () => {
    const memory = new CountedMemory();
    for (const version of ["1", "2", "3"]) sent(batchOf(30, memory, version));
    expect(memory.made.size).toBe(1);
    const [one, other] = [batchOf(30, memory, "4"), batchOf(30, memory, "5")];
    expect(memory.made.size).toBe(2);
    for (const [version, response] of [
      ["4", one],
      ["5", other],
    ] as const)
      expect(sent(response)).toEqual(sent(batchOf(30, new ResultMemory(), version)));
  });

  it("are sent as the library encodes them, which may do so again", () => {
    const response = batchOf(50, new ResultMemory(), "7");
    const encoded = toBinary(BatchWriteResponseSchema, response);
    expect(toBinary(BatchWriteResponseSchema, response)).toEqual(encoded);
    expect(
      Buffer.concat([
        toBinary(BatchWriteResponseSchema, create(BatchWriteResponseSchema, { version: "7" })),
        sent(response),
      ]),
    ).toEqual(Buffer.from(encoded));
  });

  it("are kept by nobody once they were sent", () => {
    const response = batchOf(50, new ResultMemory(), "7");
    sent(response);
    expect(() => sent(response)).toThrow("were written already");
    expect(() => toBinary(BatchWriteResponseSchema, response)).toThrow("were written already");
  });

  it("take memory of their own size when they are few or larger than a piece", () => {
    const memory = new CountedMemory();
    batchOf(5, memory, "1");
    const { stored } = written(WriteResponse_Outcome.UPDATED, PIECE_BYTES);
    const large = new EncodedResults(1, memory);
    large.set(0, create(OperationResultSchema, { result: { case: "write", value: stored } }));
    expect(
      fromBinary(BatchWriteResponseSchema, toBinary(BatchWriteResponseSchema, large.response("1"))),
    ).toMatchObject({
      results: [{ result: { case: "write", value: { outcome: WriteResponse_Outcome.UPDATED } } }],
    });
    expect(memory.made.size).toBe(0);
  });

  it("are not answered before the last of them is there", () => {
    const results = new EncodedResults(2, new ResultMemory());
    results.set(1, create(OperationResultSchema, { result: { case: "delete", value: { outcome: 2 } } }));
    expect(() => results.response("1")).toThrow("expected 2 results of a batch, found 1");
  });
});

/** The results of an answer where they are sent from. */
function sent({ $unknown = [] }: BatchWriteResponse): Uint8Array {
  const bytes = Buffer.alloc(unknownBytes($unknown));
  expect(writeUnknown(bytes, 0, $unknown)).toBe(bytes.length);
  return bytes;
}

/** Knows the pieces that it gave. */
class CountedMemory extends ResultMemory {
  readonly made = new Set<ArrayBuffer>();

  override take(): Uint8Array<ArrayBuffer> {
    const piece = super.take();
    this.made.add(piece.buffer);
    return piece;
  }
}

/** A batch of so many writes, of which each result says which it is and which batch it is of. */
function batchOf(count: number, memory: ResultMemory, version: string): BatchWriteResponse {
  const results = new EncodedResults(count, memory);
  for (let index = count - 1; index >= 0; index--) {
    const record = {
      bytes: toBinary(
        ResourceSchema,
        create(ResourceSchema, { id: { name: `${version}-${index}`.repeat(50) } }),
      ),
    };
    const value = withStored(create(WriteResponseSchema), [resourceField({ record, version })]);
    results.set(index, create(OperationResultSchema, { result: { case: "write", value } }));
  }
  return results.response(version);
}
