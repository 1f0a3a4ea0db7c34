import type { UnknownField } from "@bufbuild/protobuf";
import type { WireType } from "@bufbuild/protobuf/wire";

/**
 * A field that its message does not know, and that is written right where it goes by who encodes the message with {@link writeUnknown}. For everybody else it is as any other such
 * field, whose bytes are made when they are asked for.
 */
export abstract class LateField implements UnknownField {
  abstract readonly no: number;
  abstract readonly wireType: WireType;
  /** Bytes of `data`. */
  abstract readonly byteLength: number;

  /** Writes `data` to a position; returns where it ends. The last that is asked of a field, which may give up by it what it has. */
  abstract writeTo(bytes: Uint8Array, at: number): number;

  get data(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.byteLength);
    this.writeTo(bytes, 0);
    return bytes;
  }
}

/** The bytes that the fields take in a message. */
export function unknownBytes(fields: readonly UnknownField[]): number {
  let size = 0;
  for (const field of fields)
    size += tagBytes(field.no) + (field instanceof LateField ? field.byteLength : field.data.byteLength);
  return size;
}

/** Writes the fields as they stand in a message; returns where they end. */
export function writeUnknown(bytes: Uint8Array, start: number, fields: readonly UnknownField[]): number {
  let at = start;
  for (const field of fields) {
    let tag = tagOf(field.no, field.wireType);
    for (; tag >= 0x80; tag >>>= 7) bytes[at++] = (tag & 0x7f) | 0x80;
    bytes[at++] = tag;
    if (field instanceof LateField) at = field.writeTo(bytes, at);
    else {
      bytes.set(field.data, at);
      at += field.data.byteLength;
    }
  }
  return at;
}

function tagOf(no: number, wireType: WireType): number {
  return ((no << 3) | wireType) >>> 0;
}

function tagBytes(no: number): number {
  let bytes = 1;
  for (let rest = tagOf(no, 0); rest >= 0x80; rest >>>= 7) bytes += 1;
  return bytes;
}
