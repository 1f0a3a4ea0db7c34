import { Code, ConnectError } from "@connectrpc/connect";

/** Flags and length in front of a message of gRPC, and of a Connect stream. */
export const ENVELOPE_BYTES = 5;
const LENGTH_AT = 1;
const COMPRESSED = 1;

/** Makes an envelope without flags of the message that has been written behind the room for it. */
export function envelopeInPlace(bytes: Uint8Array): void {
  const length = bytes.byteLength - ENVELOPE_BYTES;
  bytes[0] = 0;
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
}

/**
 * Takes messages out of the pieces in which their envelopes come. Each is given in memory of its own: it may be kept without the buffer that it was read into, which is sixty times as large
 * as a small one. What was pushed and not taken is kept; who pushes stops where that is too much.
 */
export class EnvelopeReader {
  readonly #maxBytes: number;
  readonly #passedOver: number;
  #chunks: Uint8Array[] = [];
  /** The first chunk that is not taken, and how much of it is. */
  #first = 0;
  #at = 0;
  #waiting = 0;
  readonly #header = Buffer.alloc(ENVELOPE_BYTES);
  #headerBytes = 0;
  #message: Uint8Array | undefined;
  #filled = 0;
  #isMessage = true;
  #failure: unknown;

  /** `maxBytes` of one message. What is in an envelope with the flag `passedOver`, as Connect's for the end of a stream, is no message. */
  constructor(maxBytes: number, passedOver = 0) {
    this.#maxBytes = maxBytes;
    this.#passedOver = passedOver;
  }

  /** Bytes that came and were not looked at. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /** Whether nothing of a message came that is not whole. */
  get isBetweenMessages(): boolean {
    return this.#waiting === 0 && this.#headerBytes === 0 && this.#message === undefined;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
  }

  /** The next message that came whole. Throws RESOURCE_EXHAUSTED for one that is too large, as soon as its length is there, and INTERNAL for one that is compressed; again whenever it is asked after that. */
  next(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #next(): Uint8Array | undefined {
    for (;;) {
      const chunk = this.#chunks[this.#first];
      if (chunk === undefined) return undefined;
      if (this.#message === undefined) this.#takeHeader(chunk);
      else this.#fill(this.#message, chunk);
      if (this.#at === chunk.length) this.#nextChunk();
      const message = this.#message;
      if (message === undefined || this.#filled < message.length) continue;
      this.#message = undefined;
      if (this.#isMessage) return message;
    }
  }

  #nextChunk(): void {
    this.#at = 0;
    this.#first += 1;
    // Not each by itself: of very many small ones each would move all others.
    if (this.#first * 2 < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(this.#first);
    this.#first = 0;
  }

  #takeHeader(chunk: Uint8Array): void {
    const taken = Math.min(ENVELOPE_BYTES - this.#headerBytes, chunk.length - this.#at);
    for (let index = 0; index < taken; index++)
      this.#header[this.#headerBytes + index] = chunk[this.#at + index] ?? 0;
    this.#took(taken);
    this.#headerBytes += taken;
    if (this.#headerBytes < ENVELOPE_BYTES) return;
    this.#headerBytes = 0;
    const flags = this.#header[0] ?? 0;
    const length = this.#header.readUInt32BE(LENGTH_AT);
    if (length > this.#maxBytes) throw tooLarge("read", length, this.#maxBytes);
    if ((flags & COMPRESSED) !== 0) {
      const why = "received compressed envelope, but do not know how to decompress";
      throw new ConnectError(why, Code.Internal);
    }
    this.#message = new Uint8Array(length);
    this.#filled = 0;
    this.#isMessage = (flags & this.#passedOver) === 0;
  }

  #fill(message: Uint8Array, chunk: Uint8Array): void {
    const taken = Math.min(message.length - this.#filled, chunk.length - this.#at);
    message.set(chunk.subarray(this.#at, this.#at + taken), this.#filled);
    this.#took(taken);
    this.#filled += taken;
  }

  #took(bytes: number): void {
    this.#at += bytes;
    this.#waiting -= bytes;
  }
}

/** What the library says of a message beyond its limit. */
export function tooLarge(what: "read" | "write", bytes: number, maxBytes: number): ConnectError {
  const message = `message size ${bytes} is larger than configured ${what}MaxBytes ${maxBytes}`;
  return new ConnectError(message, Code.ResourceExhausted);
}

/** What the library says of a stream that ended within a message. */
export function cutMessage(): ConnectError {
  return new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}
