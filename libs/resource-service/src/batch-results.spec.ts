import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  BatchWriteResponseSchema,
  OperationResultSchema,
  type WriteResponse,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { EncodedResults, ResultMessages } from "./batch-results.ts";
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
    const encoded = new EncodedResults(results.length);
    const messages = new ResultMessages();
    for (const index of [8, 3, 0, 7, 1, 6, 2, 5, 4]) {
      const [sent, plain] = results[index] ?? [];
      encoded.set(index, create(OperationResultSchema, sent));
      messages.set(index, create(OperationResultSchema, plain));
    }
    const bytes = toBinary(BatchWriteResponseSchema, encoded.response("77"));
    expect(fromBinary(BatchWriteResponseSchema, bytes)).toEqual(messages.response("77"));
  });
});
