import { fromBinary, type Message } from "@bufbuild/protobuf";
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
export function readBatch(body: Uint8Array): BatchWriteRequest | undefined {
  // As a `Buffer`, of which a part is copied without a view of it.
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const batch: UnreadBytes = { bytes };
  const operations: Operation[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = afterLength(bytes, at + 1);
    const end = start + lengthAt(bytes, at + 1);
    if (bytes[at] !== OPERATION || !(end <= bytes.length)) return undefined;
    operations.push(new UnreadOperation(batch, start, end));
    at = end;
  }
  return { $typeName: BatchWriteRequestSchema.typeName, operations };
}

/** The bytes may be others' once the batch is answered: a look at an operation throws from then on. */
readBatch.release = ({ operations }: Message & { readonly operations?: readonly unknown[] }): void => {
  const [first] = operations ?? [];
  if (first instanceof UnreadOperation) first.release();
};

/** The bytes of a batch, until they are taken from it. */
interface UnreadBytes {
  bytes: Buffer | undefined;
}

/** An operation for as long as its batch is not answered: a payload that it writes may be in memory that is another's from then on. */
export function glanceAt(operation: Operation): Operation["operation"] {
  return operation instanceof UnreadOperation ? operation.glance() : operation.operation;
}

/** An operation that stands in the bytes of its batch. Each look at it reads a copy of it again; a glance at it shows what was read to find what is broken, once. */
class UnreadOperation implements Operation {
  readonly $typeName = OperationSchema.typeName;
  readonly #batch: UnreadBytes;
  readonly #start: number;
  readonly #end: number;
  #glance: Operation["operation"] | undefined;

  constructor(batch: UnreadBytes, start: number, end: number) {
    this.#batch = batch;
    this.#start = start;
    this.#end = end;
    this.#glance = this.glance();
  }

  get operation(): Operation["operation"] {
    const size = this.#end - this.#start;
    const bytes = Buffer.allocUnsafe(size);
    this.#bytes.copy(bytes, 0, this.#start, this.#end);
    return readOperation(bytes, 0, size);
  }

  glance(): Operation["operation"] {
    const glance = this.#glance ?? readOperation(this.#bytes, this.#start, this.#end);
    this.#glance = undefined;
    return glance;
  }

  /** Takes the bytes of its batch from all operations. */
  release(): void {
    this.#batch.bytes = undefined;
  }

  get #bytes(): Buffer {
    const { bytes } = this.#batch;
    if (bytes === undefined)
      throw new TypeError("a batch is looked into while it is at work, and was answered already");
    return bytes;
  }
}

/** The operation that stands there. The payload of a write may be a part of the bytes, and nothing else. */
function readOperation(bytes: Uint8Array, start: number, end: number): Operation["operation"] {
  if (bytes[start] === WRITE) {
    const from = afterLength(bytes, start + 1);
    const value = from + lengthAt(bytes, start + 1) === end ? readWriteRequest(bytes, from, end) : undefined;
    if (value !== undefined) return { case: "write", value };
  }
  return fromBinary(OperationSchema, new Uint8Array(bytes.subarray(start, end))).operation;
}
