import { MAX_SNAPSHOT_CHUNK_BYTES, RaftNodeError } from "@trellis/raft-node";

/** No item is larger: a record of the largest commit, and its key. A length beyond it is damage, and not worth a buffer. */
const MAX_ITEM_BYTES = 8 * 1024 * 1024;
/** Bits of one byte of a length. */
const LENGTH_BITS = 7;
/** Bytes of the longest length. */
const MAX_LENGTH_BYTES = 4;

/**
 * Writes items one behind the other, each behind its length, and cuts the stream into chunks of one size, wherever that falls. A chunk is valid until the next is asked for: all are in the same
 * memory, since that of thousands would have the garbage collector look through the whole store again and again.
 */
export class ItemWriter {
  readonly #chunk = new Uint8Array(MAX_SNAPSHOT_CHUNK_BYTES);
  #used = 0;

  /** Adds an item that fits into the chunk, as most do: a generator for each would be a third of the work. False when it does not fit. */
  addWhole(item: Uint8Array): boolean {
    if (this.#used + MAX_LENGTH_BYTES + item.length >= this.#chunk.length) return false;
    this.#putLength(item.length);
    this.#chunk.set(item, this.#used);
    this.#used += item.length;
    return true;
  }

  /** Adds an item; the chunks that are full with it. */
  *add(item: Uint8Array): Generator<Uint8Array> {
    if (this.addWhole(item)) return;
    yield* this.#put(lengthOf(item.length));
    yield* this.#put(item);
  }

  /** The last chunk, unless there is nothing in it. */
  *end(): Generator<Uint8Array> {
    if (this.#used > 0) yield this.#chunk.subarray(0, this.#used);
  }

  #putLength(length: number): void {
    let rest = length;
    for (; rest >= 1 << LENGTH_BITS; rest >>>= LENGTH_BITS) this.#chunk[this.#used++] = (rest & 0x7f) | 0x80;
    this.#chunk[this.#used++] = rest;
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    while (from < bytes.length) {
      const part = bytes.subarray(from, from + this.#chunk.length - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      from += part.length;
      if (this.#used < this.#chunk.length) continue;
      yield this.#chunk;
      this.#used = 0;
    }
  }
}

/** Takes chunks of any size and gives the items in them. Throws `damaged` for what {@link ItemWriter} did not write. Keeps no chunk: each may be overwritten once its items were taken. */
export class ItemReader {
  /** What is left of the chunks so far, at its beginning, and room for the next one behind it. */
  #joined = new Uint8Array();
  #left = 0;

  /** The items that the chunks so far complete: views, valid until the next chunk comes. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#left === 0 ? chunk : this.#join(chunk);
    let at = 0;
    for (;;) {
      const length = readLength(bytes, at);
      const end = length === undefined ? Infinity : at + length.bytes + length.value;
      if (length === undefined || end > bytes.length) break;
      yield bytes.subarray(at + length.bytes, end);
      at = end;
    }
    this.#keep(bytes, at);
  }

  /** To be called after the last chunk. */
  finish(): void {
    if (this.#left > 0) throw damagedContent("it ends within an item");
  }

  #join(chunk: Uint8Array): Uint8Array {
    const length = this.#left + chunk.length;
    if (this.#joined.length < length) this.#joined = enlarged(this.#joined, this.#left, length);
    this.#joined.set(chunk, this.#left);
    return this.#joined.subarray(0, length);
  }

  #keep(bytes: Uint8Array, from: number): void {
    this.#left = bytes.length - from;
    if (this.#left === 0) return;
    if (this.#joined.length < this.#left) this.#joined = new Uint8Array(2 * this.#left);
    // May be the very memory that it is in.
    this.#joined.set(bytes.subarray(from), 0);
  }
}

/** Larger memory that begins alike. */
function enlarged(bytes: Uint8Array, used: number, least: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * least);
  larger.set(bytes.subarray(0, used));
  return larger;
}

/** The storage part of a snapshot is not what was written. */
export function damagedContent(what: string, cause?: unknown): RaftNodeError {
  return new RaftNodeError(
    "damaged",
    `the storage part of a snapshot is damaged: ${what}; take another snapshot, or let this member join again with an empty directory`,
    { cause },
  );
}

function lengthOf(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  for (; rest >= 1 << LENGTH_BITS; rest >>>= LENGTH_BITS) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function readLength(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly bytes: number } | undefined {
  let value = 0;
  for (let at = 0; at < MAX_LENGTH_BYTES; at++) {
    const byte = bytes[start + at];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (at * LENGTH_BITS);
    if (value > MAX_ITEM_BYTES) break;
    if (byte < 0x80) return { value, bytes: at + 1 };
  }
  throw damagedContent(`an item is longer than ${MAX_ITEM_BYTES} bytes`);
}
