/** What an HTTP/2 connection begins with, an empty SETTINGS frame included. */
export function preface(): string {
  return `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(FRAME.settings, 0, 0)}`;
}

/** Frame types (RFC 9113 §6). */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; ACK and END_STREAM share a bit. */
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;

const HEADER_BYTES = 9;

/** One frame, one character per byte. */
export function frame(type: number, flags: number, stream: number, payload = ""): string {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head.toString("latin1") + payload;
}

/** Fields as literals without indexing (RFC 7541 §6.2.2), each below 127 bytes. */
export function fields(...pairs: readonly (readonly [name: string, value: string])[]): string {
  const text = (value: string): string => String.fromCharCode(value.length) + value;
  return pairs.map(([name, value]) => `\0${text(name)}${text(value)}`).join("");
}

/** The fields of a GET. */
export function getFields(path: string, ...more: readonly (readonly [string, string])[]): string {
  return fields([":method", "GET"], [":scheme", "http"], [":authority", "x"], [":path", path], ...more);
}
