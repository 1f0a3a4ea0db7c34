import type { Message, UnknownField } from "@bufbuild/protobuf";

/** The longest tag, of a field number below 2^29. */
const MAX_TAG_BYTES = 5;

/**
 * The bytes that `serialize` makes of a message. Fields that it does not know, as what is stored is sent in, are copied once, where the library's growing buffer
 * copies them four times.
 */
export function encodeBinary<M extends Message>(
  serialize: (message: M) => Uint8Array,
  message: M,
): Uint8Array {
  const unknown = message.$unknown;
  if (unknown === undefined || unknown.length === 0 || Object.getPrototypeOf(message) !== Object.prototype)
    return serialize(message);
  const known = serialize({ ...message, $unknown: undefined });
  let size = known.byteLength;
  for (const { data } of unknown) size += MAX_TAG_BYTES + data.byteLength;
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(known, 0);
  let at = known.byteLength;
  for (const field of unknown) at = writeField(bytes, at, field);
  return bytes.subarray(0, at);
}

function writeField(bytes: Uint8Array, start: number, { no, wireType, data }: UnknownField): number {
  let at = start;
  let tag = ((no << 3) | wireType) >>> 0;
  for (; tag >= 0x80; tag >>>= 7) bytes[at++] = (tag & 0x7f) | 0x80;
  bytes[at++] = tag;
  bytes.set(data, at);
  return at + data.byteLength;
}
