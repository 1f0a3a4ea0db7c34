import { ascii, type RecurringText } from "./plain-bytes.ts";

/** Varints of more bytes are beyond 2^53, or longer than they need to be. */
const MAX_VARINT_BYTES = 8;
const BYTE_VALUES = 0x80;
const MAX_NUMBER_32 = 0xffff_ffff;
const NO_BYTES = new Uint8Array(0);

/**
 * Reads an encoding of which the fields are expected in their order, each once at most. As soon as something is not as expected, nothing more is found, `isAsExpected` is false, and what
 * was read until then counts for nothing: the library tells what the bytes are. It never throws, whatever the bytes.
 *
 * A tag is the byte that a field begins with: its number times 8, and 2 for what has a length, 0 for a number.
 */
export class FieldScan {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  #at: number;
  #isAsExpected = true;

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes;
    this.#buffer =
      bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = start;
  }

  get isAsExpected(): boolean {
    return this.#isAsExpected;
  }

  /** Where the next field begins. */
  get at(): number {
    return this.#at;
  }

  /** What is read. */
  get bytesRead(): Uint8Array {
    return this.#bytes;
  }

  /** Goes over what is known already. */
  skipTo(end: number): void {
    this.#at = end;
  }

  /** Goes into a field that has a length, and returns where it ends; undefined when it does not come next before `end`. */
  enter(tag: number, end: number): number | undefined {
    if (this.#at >= end || this.#bytes[this.#at] !== tag) return undefined;
    this.#at += 1;
    const length = this.#varint();
    const inner = this.#at + length;
    if (this.#isAsExpected && inner <= end) return inner;
    this.#fail();
    return undefined;
  }

  /** Goes into a field that has to come next. */
  need(tag: number, end: number): number {
    const inner = this.enter(tag, end);
    if (inner !== undefined) return inner;
    this.#fail();
    return this.#bytes.length;
  }

  /** A message is to be at its end. */
  leave(end: number): void {
    if (this.#at !== end) this.#fail();
  }

  /** A text of ASCII; undefined when the field does not come next. `recent` are those of its place. */
  presentText(tag: number, end: number, recent?: RecurringText): string | undefined {
    const inner = this.enter(tag, end);
    if (inner === undefined) return undefined;
    const start = this.#at;
    this.#at = inner;
    const text =
      recent === undefined ? ascii(this.#buffer, start, inner) : recent.read(this.#buffer, start, inner);
    if (text === undefined) this.#fail();
    return text;
  }

  /** A text of ASCII; empty when the field does not come next. */
  text(tag: number, end: number, recent?: RecurringText): string {
    return this.presentText(tag, end, recent) ?? "";
  }

  /** Bytes, which are a part of those that are read; none when the field does not come next. */
  bytes(tag: number, end: number): Uint8Array {
    const inner = this.enter(tag, end);
    if (inner === undefined) return NO_BYTES;
    const start = this.#at;
    this.#at = inner;
    return this.#bytes.subarray(start, inner);
  }

  /** A whole number; undefined when the field does not come next. */
  presentNumber(tag: number, end: number): number | undefined {
    if (this.#at >= end || this.#bytes[this.#at] !== tag) return undefined;
    this.#at += 1;
    const value = this.#varint();
    if (this.#at <= end) return value;
    this.#fail();
    return undefined;
  }

  /** A whole number; 0 when the field does not come next. */
  number(tag: number, end: number): number {
    return this.presentNumber(tag, end) ?? 0;
  }

  /** A number of a field of 32 bits; 0 when the field does not come next. Of larger ones the library keeps the lower bits. */
  number32(tag: number, end: number): number {
    const value = this.number(tag, end);
    if (value > MAX_NUMBER_32) this.#fail();
    return value;
  }

  /** A number that is 0 or 1. */
  flag(tag: number, end: number): boolean {
    const value = this.number(tag, end);
    if (value > 1) this.#fail();
    return value === 1;
  }

  /** Something was found that is not expected. */
  refuse(): void {
    this.#fail();
  }

  #fail(): void {
    this.#isAsExpected = false;
    this.#at = this.#bytes.length;
  }

  #varint(): number {
    let value = 0;
    for (let index = 0, scale = 1; index < MAX_VARINT_BYTES; index++, scale *= BYTE_VALUES) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte % BYTE_VALUES) * scale;
      if (byte < BYTE_VALUES && value <= Number.MAX_SAFE_INTEGER) return value;
      if (byte < BYTE_VALUES) break;
    }
    this.#fail();
    return 0;
  }
}
