import type { Message, UnknownField } from "@bufbuild/protobuf";

/** The longest tag, of a field number below 2^29. */
const MAX_TAG_BYTES = 5;
const NOTHING = new Uint8Array();

/**
 * The bytes that `serialize` makes of a message. Fields that it does not know, as what is stored is sent in, are copied once, where the library's growing buffer
 * copies them four times.
 */
export function encodeBinary<M extends Message>(
  serialize: (message: M) => Uint8Array,
  message: M,
): Uint8Array {
  return encodeBehind(0, serialize, message);
}

/** The same behind so many bytes, which the caller fills. */
export function encodeBehind<M extends Message>(
  room: number,
  serialize: (message: M) => Uint8Array,
  message: M,
): Uint8Array {
  const unknown = message.$unknown;
  if (unknown === undefined || unknown.length === 0 || Object.getPrototypeOf(message) !== Object.prototype)
    return behind(room, serialize(message));
  const known = hasKnownField(message) ? serialize({ ...message, $unknown: undefined }) : NOTHING;
  let size = room + known.byteLength;
  for (const { data } of unknown) size += MAX_TAG_BYTES + data.byteLength;
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(known, room);
  let at = room + known.byteLength;
  for (const field of unknown) at = writeField(bytes, at, field);
  return bytes.subarray(0, at);
}

function behind(room: number, message: Uint8Array): Uint8Array {
  if (room === 0) return message;
  const bytes = Buffer.allocUnsafe(room + message.byteLength);
  bytes.set(message, room);
  return bytes;
}

function hasKnownField(message: object): boolean {
  for (const name in message) if (name !== "$typeName" && name !== "$unknown") return true;
  return false;
}

function writeField(bytes: Uint8Array, start: number, { no, wireType, data }: UnknownField): number {
  let at = start;
  let tag = ((no << 3) | wireType) >>> 0;
  for (; tag >= 0x80; tag >>>= 7) bytes[at++] = (tag & 0x7f) | 0x80;
  bytes[at++] = tag;
  bytes.set(data, at);
  return at + data.byteLength;
}
