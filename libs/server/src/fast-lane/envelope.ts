import { ENVELOPE_BYTES } from "@trellis/resource/node";

/** The one message of a body of envelopes; undefined unless it is one, whole and with no flag. */
export function onlyMessage(body: Uint8Array): Uint8Array | undefined {
  if (body.byteLength < ENVELOPE_BYTES || body[0] !== 0) return undefined;
  const [, a = 0, b = 0, c = 0, d = 0] = body;
  const end = ENVELOPE_BYTES + (((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  return end === body.byteLength ? body.subarray(ENVELOPE_BYTES, end) : undefined;
}

/** The message in an envelope. */
export function enveloped(message: Uint8Array, flags: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(ENVELOPE_BYTES + message.byteLength);
  put(bytes, 0, { message, flags });
  return bytes;
}

/** The messages one after the other, each in an envelope without flags. */
export function envelopedAll(messages: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { byteLength } of messages) size += ENVELOPE_BYTES + byteLength;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const message of messages) at = put(bytes, at, { message, flags: 0 });
  return bytes;
}

/** Writes an envelope; returns where it ends. */
function put(
  bytes: Buffer,
  at: number,
  { message, flags }: { readonly message: Uint8Array; readonly flags: number },
): number {
  bytes[at] = flags;
  bytes.writeUInt32BE(message.byteLength, at + 1);
  bytes.set(message, at + ENVELOPE_BYTES);
  return at + ENVELOPE_BYTES + message.byteLength;
}
