/*
 * Protobuf's bytes, for those who read and write by hand the few messages that come with every request. Texts are read that are of ASCII, and lengths that are of a sane size: the library reads
 * all others, or says what is wrong with them.
 */

/** Whether bytes are a text that is expected, of ASCII. */
export function isText(bytes: Uint8Array, start: number, end: number, expected: string): boolean {
  if (end - start !== expected.length) return false;
  for (let at = 0; at < expected.length; at++) {
    const unit = expected.charCodeAt(at);
    if (unit >= 0x80 || unit !== bytes[start + at]) return false;
  }
  return true;
}

/** A text; undefined for one that is not of ASCII, which the library decodes. */
export function ascii(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) >= 0x80) return undefined;
  return Buffer.isBuffer(bytes)
    ? bytes.toString("latin1", start, end)
    : Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** Texts of a field that is the same in most messages: the one that was read last is not made again. */
export class RecurringText {
  #last = "";

  /** As {@link ascii}. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (isText(bytes, start, end, this.#last)) return this.#last;
    const text = ascii(bytes, start, end);
    if (text !== undefined && text.length <= MAX_RECURRING_CHARACTERS) this.#last = text;
    return text;
  }
}

/** Longer ones are not kept. */
const MAX_RECURRING_CHARACTERS = 256;

/** The length that is written as a varint at a position; NaN where there is none of a sane size. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let index = 0, scale = 1; index < MAX_LENGTH_BYTES; index++, scale *= 0x80) {
    const byte = bytes[at + index];
    if (byte === undefined) return NaN;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return length;
  }
  return NaN;
}

const MAX_LENGTH_BYTES = 4;

/** Where it ends. */
export function afterLength(bytes: Uint8Array, at: number): number {
  let end = at;
  while ((bytes[end] ?? 0) >= 0x80) end += 1;
  return end + 1;
}

/** The fields of a message in which every field has a length. Each `next` goes to one of them. */
export class Fields {
  readonly bytes: Uint8Array;
  /** What the field begins with: its number and wire type, in one byte. */
  tag = 0;
  /** Where its content begins and ends. */
  start: number;
  end: number;
  /** Whether a field of the same number came before. */
  isRepeated = false;
  /** Whether what followed is no field that has a length, or goes beyond the end. */
  isBroken = false;
  readonly #endOfMessage: number;
  /** A bit for each number; those beyond 31 share theirs. */
  #seen = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = start;
    this.#endOfMessage = end;
  }

  /** False behind the last field, and where the message is broken. */
  next(): boolean {
    const at = this.end;
    if (at >= this.#endOfMessage) return false;
    this.tag = this.bytes[at] ?? 0;
    this.start = afterLength(this.bytes, at + 1);
    const end = this.start + lengthAt(this.bytes, at + 1);
    this.isBroken = (this.tag & WIRE_TYPE) !== LENGTH_DELIMITED || !(end <= this.#endOfMessage);
    if (this.isBroken) return false;
    this.end = end;
    const bit = 1 << (this.tag >>> 3);
    this.isRepeated = (this.#seen & bit) !== 0;
    this.#seen |= bit;
    return true;
  }

  /** The field as a text; undefined for one that is not of ASCII. */
  text(): string | undefined {
    return ascii(this.bytes, this.start, this.end);
  }
}

const WIRE_TYPE = 7;
const LENGTH_DELIMITED = 2;

/** The bytes that a length takes as a varint. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 0x80; rest >>>= 7) bytes += 1;
  return bytes;
}

/** Writes a length as a varint; returns where it ends. */
export function writeLength(data: Uint8Array, start: number, length: number): number {
  let at = start;
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) data[at++] = (rest & 0x7f) | 0x80;
  data[at++] = rest;
  return at;
}
