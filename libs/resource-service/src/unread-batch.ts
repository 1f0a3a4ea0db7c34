import { fromBinary } from "@bufbuild/protobuf";
import {
  type BatchWriteRequest,
  BatchWriteRequestSchema,
  type Operation,
  OperationSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { afterLength, lengthAt } from "@trellis/resource/node";

import { readWriteRequest } from "./decode-request.ts";

/** `BatchWriteRequest.operations`, and `Operation.write`. */
const OPERATION = 0x0a;
const WRITE = 0x0a;

/**
 * A batch whose operations are read when they are asked for. Some thousands of operations are under way at a time, most of them waiting for their turn: as bytes
 * they cost next to nothing to keep, where V8 would have to copy and mark all that a message is made of. Throws for one that is broken; undefined for a batch that is
 * out of the ordinary.
 */
export function readBatch(bytes: Uint8Array): BatchWriteRequest | undefined {
  const operations: Operation[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = afterLength(bytes, at + 1);
    const end = start + lengthAt(bytes, at + 1);
    if (bytes[at] !== OPERATION || !(end <= bytes.length)) return undefined;
    operations.push(new UnreadOperation(bytes, start, end));
    at = end;
  }
  return { $typeName: BatchWriteRequestSchema.typeName, operations };
}

/** An operation that stands in the bytes of its batch. Each look at it reads it again, but the first: it was read before, to find what is broken. */
class UnreadOperation implements Operation {
  readonly $typeName = OperationSchema.typeName;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #first: Operation["operation"] | undefined;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#first = this.#read();
  }

  get operation(): Operation["operation"] {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#read();
  }

  #read(): Operation["operation"] {
    const bytes = this.#bytes;
    const start = this.#start;
    const end = this.#end;
    if (bytes[start] === WRITE) {
      const from = afterLength(bytes, start + 1);
      const value =
        from + lengthAt(bytes, start + 1) === end ? readWriteRequest(bytes, from, end) : undefined;
      if (value !== undefined) return { case: "write", value };
    }
    return fromBinary(OperationSchema, bytes.subarray(start, end)).operation;
  }
}
