import { create, toBinary, type UnknownField } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  type BatchWriteResponse,
  BatchWriteResponseSchema,
  type OperationResult,
  OperationResultSchema,
  type WriteResponse,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { lengthBytes, unknownBytes, writeLength, writeUnknown } from "@trellis/resource/node";

import { withStored } from "./stored-form.ts";

/** The results of a batch, by position, while others of its operations are still at work. */
export interface BatchResults {
  set(index: number, result: OperationResult): void;
  response(version: string): BatchWriteResponse;
}

/** Results as messages. */
export class ResultMessages implements BatchResults {
  readonly #results: OperationResult[] = [];

  set(index: number, result: OperationResult): void {
    this.#results[index] = result;
  }

  response(version: string): BatchWriteResponse {
    return create(BatchWriteResponseSchema, { results: this.#results, version });
  }
}

/** `BatchWriteResponse.results`. */
const RESULTS_NUMBER = 1;
/** `OperationResult.write`, with a length behind it. */
const WRITE_TAG = 0x0a;
/** Results are written one behind the other into pieces of memory of at most this size; a larger one has its own. */
const PIECE_BYTES = 64 * 1024;
/** What a result is taken to need before there are any. */
const USUAL_BYTES = 1024;
/** For each result: its piece, and where it begins and ends there. */
const PLACE_NUMBERS = 3;

/** Results as they are sent: kept as messages they would outlive many collections, since a batch is answered when the last of its operations is done. */
export class EncodedResults implements BatchResults {
  readonly #count: number;
  readonly #pieces: Buffer[] = [];
  /** Of the last piece. */
  #used = 0;
  readonly #places: Int32Array;
  /** Results so far, and what they take. */
  #written = 0;
  #bytes = 0;

  constructor(count: number) {
    this.#count = count;
    this.#places = new Int32Array(count * PLACE_NUMBERS);
  }

  set(index: number, result: OperationResult): void {
    const { result: arm } = result;
    const fields = arm.case === "write" ? storedIn(arm.value) : undefined;
    if (fields !== undefined) this.#setWrite(index, fields);
    else {
      const bytes = toBinary(OperationResultSchema, result);
      const { piece, at } = this.#begin(index, bytes.length);
      piece.set(bytes, at);
    }
  }

  response(version: string): BatchWriteResponse {
    const fields: UnknownField[] = [];
    for (let index = 0; index < this.#count; index++) {
      const [piece = 0, start, end] = this.#places.subarray(index * PLACE_NUMBERS);
      const data = this.#pieces[piece]?.subarray(start, end) ?? NOTHING;
      fields.push({ no: RESULTS_NUMBER, wireType: WireType.LengthDelimited, data });
    }
    return withStored(create(BatchWriteResponseSchema, { version }), fields);
  }

  #setWrite(index: number, fields: readonly UnknownField[]): void {
    const size = unknownBytes(fields);
    const { piece, at } = this.#begin(index, 1 + lengthBytes(size) + size);
    piece[at] = WRITE_TAG;
    writeUnknown(piece, writeLength(piece, at + 1, size), fields);
  }

  /** Finds room for a result of so many bytes and writes their number; `at` is where the result goes. */
  #begin(index: number, size: number): { readonly piece: Buffer; readonly at: number } {
    const whole = lengthBytes(size) + size;
    let piece = this.#pieces.at(-1);
    if (piece === undefined || this.#used + whole > piece.length) {
      piece = Buffer.allocUnsafeSlow(Math.max(whole, this.#expectedBytes()));
      this.#pieces.push(piece);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += whole;
    this.#written += 1;
    this.#bytes += whole;
    this.#places.set([this.#pieces.length - 1, start, start + whole], index * PLACE_NUMBERS);
    return { piece, at: writeLength(piece, start, size) };
  }

  /** What the results that are still to come are taken to need, as far as one piece has room for it. */
  #expectedBytes(): number {
    const each = this.#written === 0 ? USUAL_BYTES : this.#bytes / this.#written;
    return Math.min(PIECE_BYTES, Math.ceil((this.#count - this.#written) * each));
  }
}

const NOTHING = new Uint8Array();

/** The fields of an answer that has all of them as they are sent. */
function storedIn({ $unknown, resource, outcome }: WriteResponse): readonly UnknownField[] | undefined {
  return resource === undefined && outcome === WriteResponse_Outcome.UNSPECIFIED ? $unknown : undefined;
}
