import { crc32 } from "node:zlib";

import { RaftNodeError } from "../errors.ts";
import { invariant } from "../invariant.ts";

/**
 * A snapshot file, format 1: these eight bytes, then frames. A frame is the length of its payload (4 bytes, little endian), its kind (1 byte),
 * the payload, and a CRC-32 (4 bytes, little endian) that goes on from that of the frame before. The first frame is the header, the last one
 * the end, which holds the number of frames before it (8 bytes); between them are the chunks of the state machines, by their kind.
 */
export const MAGIC = new TextEncoder().encode("TRLSNAP\u0001");
export const HEADER_FRAME = 0;
export const END_FRAME = 0xff;

const PREFIX_BYTES = 5;
const CRC_BYTES = 4;
/** What a frame takes besides its payload. */
export const FRAME_OVERHEAD_BYTES = PREFIX_BYTES + CRC_BYTES;
/** No frame is larger: a length beyond it is damage, and not worth a buffer. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** What to do about a damaged snapshot of a node. */
const OF_A_NODE =
  "Look for disk errors; then put the file back from a copy, or begin with an empty directory: restore a snapshot into it or, if this is a " +
  "member of a cluster, remove the member and let it join again";

const noBytes = new Uint8Array();

export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Encodes frames, one after the other. */
export class FrameEncoder {
  #crc = 0;
  #count = 0;

  /** A frame in the parts that it is written in; the payload is not copied. */
  encode(kind: number, payload: Uint8Array): readonly Uint8Array[] {
    invariant(
      payload.length <= MAX_FRAME_BYTES,
      `a piece of ${payload.length} bytes is too large for a snapshot`,
    );
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    prefix.writeUInt32LE(payload.length, 0);
    prefix.writeUInt8(kind, 4);
    this.#crc = crc32(payload, crc32(prefix, this.#crc));
    const crc = Buffer.allocUnsafe(CRC_BYTES);
    crc.writeUInt32LE(this.#crc, 0);
    this.#count++;
    return [prefix, payload, crc];
  }

  /** The frame after the last one. */
  end(): readonly Uint8Array[] {
    const payload = Buffer.alloc(8);
    payload.writeBigUInt64LE(BigInt(this.#count));
    return this.encode(END_FRAME, payload);
  }
}

/**
 * Takes a snapshot's bytes in pieces of any size and gives its frames, each checked. Throws `damaged` for what is not a whole snapshot of format
 * 1; `source` names it in the message, `cure` says what to do about it. Keeps no piece: each may be overwritten once its frames were taken.
 */
export class FrameDecoder {
  readonly #source: string;
  readonly #cure: string;
  #pending: Buffer = Buffer.alloc(0);
  /** What began in one piece and ends in another is put together here. Grows to the largest frame and the largest piece. */
  #joined: Buffer = Buffer.alloc(0);
  #offset = 0;
  #crc = 0;
  #count = 0;
  #hasMagic = false;
  #isOver = false;

  constructor(source: string, cure = OF_A_NODE) {
    this.#source = source;
    this.#cure = cure;
  }

  /** The frames that the bytes so far complete; their payloads are views, until the next one is asked for. */
  *push(bytes: Uint8Array): Generator<Frame> {
    if (this.#pending.length === 0) this.#pending = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    else this.#join(this.#pending, bytes);
    if (this.#takeMagic())
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) yield frame;
    this.#join(this.#pending, noBytes);
  }

  /** Makes both pending, in memory of the decoder's own. */
  #join(first: Buffer, rest: Uint8Array): void {
    const length = first.length + rest.length;
    const target = this.#joined.length < length ? Buffer.allocUnsafe(2 * length) : this.#joined;
    // In this order: the first may lie in the target already, further back.
    target.set(first, 0);
    target.set(rest, first.length);
    this.#joined = target;
    this.#pending = target.subarray(0, length);
  }

  /** To be called after the last bytes. */
  finish(): void {
    if (!this.#isOver || this.#pending.length > 0) {
      throw this.#damaged(this.#isOver ? "there is something behind its end" : "it ends too early");
    }
  }

  #takeMagic(): boolean {
    if (this.#hasMagic) return true;
    if (this.#pending.length < MAGIC.length) return false;
    if (!MAGIC.every((byte, at) => this.#pending[at] === byte)) {
      throw this.#damaged("it does not begin as a snapshot of format 1 does");
    }
    this.#take(MAGIC.length);
    this.#hasMagic = true;
    return true;
  }

  #next(): Frame | undefined {
    if (this.#pending.length < PREFIX_BYTES) return undefined;
    if (this.#isOver) throw this.#damaged("there is something behind its end");
    const length = this.#pending.readUInt32LE(0);
    if (length > MAX_FRAME_BYTES) throw this.#damaged(`a frame of ${length} bytes`);
    const whole = length + FRAME_OVERHEAD_BYTES;
    if (this.#pending.length < whole) return undefined;
    const content = this.#pending.subarray(0, whole - CRC_BYTES);
    const crc = crc32(content, this.#crc);
    if (crc !== this.#pending.readUInt32LE(whole - CRC_BYTES)) throw this.#damaged("a checksum does not fit");
    const frame = { kind: content.readUInt8(4), payload: content.subarray(PREFIX_BYTES) };
    if ((this.#count === 0) !== (frame.kind === HEADER_FRAME))
      throw this.#damaged("its header is not where it belongs");
    if (frame.kind === END_FRAME) {
      if (frame.payload.length !== 8 || Number(frame.payload.readBigUInt64LE(0)) !== this.#count) {
        throw this.#damaged("frames are missing");
      }
      this.#isOver = true;
    }
    this.#crc = crc;
    this.#count++;
    this.#take(whole);
    return frame;
  }

  #take(bytes: number): void {
    this.#pending = this.#pending.subarray(bytes);
    this.#offset += bytes;
  }

  #damaged(what: string): RaftNodeError {
    return new RaftNodeError(
      "damaged",
      `${this.#source} is damaged at byte ${this.#offset}: ${what}. ${this.#cure}`,
    );
  }
}
