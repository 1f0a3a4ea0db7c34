/** Bodies are put into memory of whole steps, so that it fits others of about their size. */
const STEP_BYTES = 16 * 1024;
/** Smaller bodies have memory of their own. */
const LEAST_BYTES = STEP_BYTES;
/** Memory of this size at most waits to be used again. */
export const MAX_SPARE_BYTES = 16 * 1024 * 1024;

/** What is read of a connection at once, up to 64 KiB of whatever its requests sent, stays in memory as long as a part of it. Parts of so little are let do so. */
const SMALL_READ_BYTES = 16 * 1024;
/** Nor is more kept than so many times the bytes of a part. */
const MAX_READ_PER_PART = 8;

/** A part of a body to be kept until the rest is there and until it is answered: without what else came with it, unless that is not much. */
export function kept(chunk: Uint8Array): Uint8Array {
  const readBytes = chunk.buffer.byteLength;
  return readBytes <= SMALL_READ_BYTES || readBytes <= MAX_READ_PER_PART * chunk.byteLength
    ? chunk
    : Buffer.from(chunk);
}

/**
 * Memory for the bodies of requests that wait, used again once a request is answered. A large one is there so long that V8 takes new memory for it to be old, and looks through its whole
 * heap once so many bytes of such memory are new.
 */
export class BodyMemory {
  /** What came back last is at the end. */
  readonly #spare: Buffer[] = [];
  #spareBytes = 0;

  /** The chunks in one piece, one step larger than they are at most, if that is to be given back. */
  join(chunks: readonly Uint8Array[], size: number): Buffer {
    if (size < LEAST_BYTES) return Buffer.concat(chunks, size);
    const whole = this.#take(Math.ceil(size / STEP_BYTES) * STEP_BYTES);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole.subarray(0, size);
  }

  /** Takes back what {@link BodyMemory.join} gave, at which nobody looks any more. Memory of sizes that nobody asked for lately makes room. */
  give(body: Buffer): void {
    if (body.byteLength < LEAST_BYTES || body.buffer.byteLength > MAX_SPARE_BYTES) return;
    const whole = Buffer.from(body.buffer);
    this.#spare.push(whole);
    this.#spareBytes += whole.byteLength;
    while (this.#spareBytes > MAX_SPARE_BYTES) this.#spareBytes -= this.#spare.shift()?.byteLength ?? 0;
  }

  #take(bytes: number): Buffer {
    const at = this.#spare.findLastIndex(({ byteLength }) => byteLength === bytes);
    const [found] = at === -1 ? [] : this.#spare.splice(at, 1);
    if (found === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.#spareBytes -= bytes;
    return found;
  }
}
