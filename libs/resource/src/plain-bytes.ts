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
