import { WireType } from "@bufbuild/protobuf/wire";

const FIRST_BYTES = 4 * 1024;
/** A buffer that grew beyond this for one message is given up after it, unless its writer says otherwise. */
const MAX_KEPT_BYTES = 256 * 1024;
/** Longer texts are left to the platform, which is slower to begin and faster then. */
const SHORT_TEXT = 64;
const MAX_VARINT_BYTES = 10;
/** Messages up to this size are cut from larger pieces of memory: memory of its own costs more than a small message, and V8 counts and sweeps each. */
const MAX_CUT_BYTES = 4 * 1024;
const PIECE_BYTES = 64 * 1024;
const BYTES_PER_UNIT = 3;

/**
 * Writes messages of protobuf from their end to their beginning: when the length of a message is to be written, what it has is there already. For the few
 * messages that are written with every request; the library's writer, which goes the other way, keeps each part by itself and joins them in the end.
 */
export class BackwardWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Where what is written begins. */
  #at = FIRST_BYTES;
  #piece = new ArrayBuffer(0);
  #cut = 0;
  readonly #keptBytes: number;

  /** `keptBytes` bounds the memory that it keeps from one message to the next; a message needs twice its size at most. */
  constructor(keptBytes = MAX_KEPT_BYTES) {
    this.#keptBytes = keptBytes;
  }

  /** How much is written: to be remembered where a message ends, for `message` once its fields are there. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** Forgets what an earlier use left, which failed. */
  clear(): void {
    this.#at = this.#buffer.length;
  }

  /** The fields that were written since `end` become a message in a field. */
  message(field: number, end: number): void {
    this.#varint(this.length - end);
    this.#tag(field, WireType.LengthDelimited);
  }

  /** Fields that are written already. */
  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
  }

  /** A part of some bytes as a field; none are left out. Makes no view of them. */
  part(field: number, source: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    this.#room(length);
    this.#at -= length;
    source.copy(this.#buffer, this.#at, start, end);
    this.message(field, this.length - length);
  }

  /** Bytes; none are left out, as proto3 has it. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.raw(value);
    this.message(field, this.length - value.length);
  }

  /** A text; an empty one is left out. */
  text(field: number, value: string): void {
    if (value !== "") this.presentText(field, value);
  }

  /** A text that is written even when it is empty. */
  presentText(field: number, value: string): void {
    const end = this.length;
    this.#text(value);
    this.message(field, end);
  }

  /** A whole number from 0 to 2^53, or a bool; 0 is left out. */
  number(field: number, value: number): void {
    if (value !== 0) this.presentNumber(field, value);
  }

  /** A whole number that is written even when it is 0. */
  presentNumber(field: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`expected a whole number from 0 to 2^53 in field ${field}, found ${value}`);
    this.#varint(value);
    this.#tag(field, WireType.Varint);
  }

  /** What was written so far, where it is: valid until something is written or forgotten. */
  get written(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  /**
   * What was written, in memory that nobody writes to any more, behind a byte that says what it is, where there is one. The writer begins anew. Small messages share a piece of
   * memory with those before and after them, which is there as long as one of them: who keeps one for long copies it.
   */
  finish(firstByte?: number): Uint8Array<ArrayBuffer> {
    const head = firstByte === undefined ? 0 : 1;
    const bytes = this.#memory(head + this.length);
    if (firstByte !== undefined) bytes[0] = firstByte;
    bytes.set(this.#buffer.subarray(this.#at), head);
    if (this.#buffer.length > this.#keptBytes) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#at = this.#buffer.length;
    return bytes;
  }

  #memory(size: number): Uint8Array<ArrayBuffer> {
    if (size > MAX_CUT_BYTES) return new Uint8Array(size);
    if (this.#cut + size > this.#piece.byteLength) {
      this.#piece = new ArrayBuffer(PIECE_BYTES);
      this.#cut = 0;
    }
    const bytes = new Uint8Array(this.#piece, this.#cut, size);
    this.#cut += size;
    return bytes;
  }

  #text(value: string): void {
    if (value.length > SHORT_TEXT) return this.#encoded(value);
    this.#room(value.length);
    const buffer = this.#buffer;
    let at = this.#at;
    for (let index = value.length - 1; index >= 0; index--) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return this.#encoded(value);
      buffer[--at] = unit;
    }
    this.#at = at;
  }

  #encoded(value: string): void {
    this.#room(value.length * BYTES_PER_UNIT);
    const size = Buffer.byteLength(value);
    this.#at -= size;
    this.#buffer.write(value, this.#at);
  }

  #tag(field: number, wireType: WireType): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#room(MAX_VARINT_BYTES);
    if (value < 0x80) {
      this.#buffer[--this.#at] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  #room(size: number): void {
    if (size <= this.#at) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, 2 * (length + size)));
    this.#buffer.copy(larger, larger.length - length, this.#at);
    this.#at = larger.length - length;
    this.#buffer = larger;
  }
}
