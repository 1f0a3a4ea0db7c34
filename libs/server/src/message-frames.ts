/** Flags, and the length of what follows, big-endian: how messages follow each other in gRPC, gRPC-Web and Connect streams. */
const HEADER_BYTES = 5;
const LENGTH_AT = 1;

/** Where in its messages a streamed body stands. */
export interface MessageFrames {
  /** Takes the next bytes of the body. */
  push(chunk: Uint8Array): void;
  /** Messages that came whole. */
  whole(): number;
  /** Bytes of the message that has begun and is not whole; 0 between two messages. */
  unfinishedBytes(): number;
}

/** Follows the messages of a body, and keeps none of its bytes but an unfinished header. */
export function createMessageFrames(): MessageFrames {
  const header = Buffer.alloc(HEADER_BYTES);
  let whole = 0;
  /** Bytes of the present message that came, its header included, and what it has in all once the header is there. */
  let came = 0;
  let size = HEADER_BYTES;

  return {
    push(chunk) {
      for (let at = 0; at < chunk.byteLength;) {
        const taken = Math.min(size - came, chunk.byteLength - at);
        if (came < HEADER_BYTES) header.set(chunk.subarray(at, at + taken), came);
        at += taken;
        came += taken;
        if (came < size) return;
        if (size === HEADER_BYTES) size += header.readUInt32BE(LENGTH_AT);
        if (came < size) continue;
        whole++;
        came = 0;
        size = HEADER_BYTES;
      }
    },
    whole: () => whole,
    unfinishedBytes: () => came,
  };
}
