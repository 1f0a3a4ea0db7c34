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
import { LateField, lengthBytes, unknownBytes, writeLength, writeUnknown } from "@trellis/resource/node";

import { PIECE_BYTES, type ResultMemory } from "./result-memory.ts";
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

/** `BatchWriteResponse.results`, and the same with its wire type, which is one byte. */
const RESULTS_NUMBER = 1;
const RESULTS_TAG = 0x0a;
/** `OperationResult.write`, with a length behind it. */
const WRITE_TAG = 0x0a;
/** What a result is taken to need before there are any. */
const USUAL_BYTES = 1024;
/** Results that are taken to fill no more than this part of a piece have memory of their own size. */
const LEAST_PART = 0.25;
/** For each result: its piece, and where it begins and ends there. */
const PLACE_NUMBERS = 3;

/** Results as they are sent: kept as messages they would outlive many collections, since a batch is answered when the last of its operations is done. */
export class EncodedResults implements BatchResults {
  readonly #count: number;
  readonly #memory: ResultMemory;
  readonly #pieces: Buffer<ArrayBuffer>[] = [];
  /** Of the last piece. */
  #used = 0;
  readonly #places: Int32Array;
  /** Results so far, and what they take. */
  #written = 0;
  #bytes = 0;

  constructor(count: number, memory: ResultMemory) {
    this.#count = count;
    this.#memory = memory;
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
    if (this.#written !== this.#count)
      throw new TypeError(`expected ${this.#count} results of a batch, found ${this.#written}`);
    const results = new ResultsField({
      byteLength: this.#bytes + this.#count - 1,
      places: this.#places,
      pieces: this.#pieces,
      memory: this.#memory,
    });
    return withStored(create(BatchWriteResponseSchema, { version }), [results]);
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
      piece = this.#newPiece(whole);
      this.#pieces.push(piece);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += whole;
    this.#written += 1;
    this.#bytes += whole;
    const place = index * PLACE_NUMBERS;
    this.#places[place] = this.#pieces.length - 1;
    this.#places[place + 1] = start;
    this.#places[place + 2] = start + whole;
    return { piece, at: writeLength(piece, start, size) };
  }

  /** Memory for a result of so many bytes, and for those that are still to come. */
  #newPiece(bytes: number): Buffer<ArrayBuffer> {
    const each = this.#written === 0 ? USUAL_BYTES : this.#bytes / this.#written;
    const needed = Math.max(bytes, Math.ceil((this.#count - this.#written) * each));
    return bytes > PIECE_BYTES || needed <= PIECE_BYTES * LEAST_PART
      ? Buffer.allocUnsafeSlow(bytes > PIECE_BYTES ? bytes : needed)
      : Buffer.from(this.#memory.take().buffer);
  }
}

/** Results, each in its place. */
interface Results {
  readonly byteLength: number;
  readonly places: Int32Array;
  readonly pieces: readonly Buffer<ArrayBuffer>[];
  readonly memory: ResultMemory;
}

/**
 * The results of a batch, in the order of its operations: one field, whose bytes have the tags of all results but the first between them. Once written to where they are sent from they are
 * nowhere else: the memory is given back, and what was written is not kept by an answer that V8 may take to be alive until it looks through all of its heap.
 */
class ResultsField extends LateField {
  readonly no = RESULTS_NUMBER;
  readonly wireType = WireType.LengthDelimited;
  readonly byteLength: number;
  #results: Results | undefined;

  constructor(results: Results) {
    super();
    this.byteLength = results.byteLength;
    this.#results = results;
  }

  override get data(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.byteLength);
    writeResults(bytes, 0, this.#present());
    return bytes;
  }

  writeTo(bytes: Uint8Array, start: number): number {
    const results = this.#present();
    this.#results = undefined;
    const end = writeResults(bytes, start, results);
    for (const piece of results.pieces) results.memory.give(piece);
    return end;
  }

  #present(): Results {
    if (this.#results === undefined) throw new TypeError("the results of a batch were written already");
    return this.#results;
  }
}

function writeResults(bytes: Uint8Array, start: number, { places, pieces }: Results): number {
  let at = start;
  for (let place = 0; place < places.length; place += PLACE_NUMBERS) {
    if (place > 0) bytes[at++] = RESULTS_TAG;
    const from = places[place + 1] ?? 0;
    const to = places[place + 2] ?? 0;
    // Without a view of it, as `set` would need.
    pieces[places[place] ?? 0]?.copy(bytes, at, from, to);
    at += to - from;
  }
  return at;
}

/** The fields of an answer that has all of them as they are sent. */
function storedIn({ $unknown, resource, outcome }: WriteResponse): readonly UnknownField[] | undefined {
  return resource === undefined && outcome === WriteResponse_Outcome.UNSPECIFIED ? $unknown : undefined;
}
