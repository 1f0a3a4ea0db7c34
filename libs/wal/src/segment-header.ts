import { crc32 } from "node:zlib";

import { damaged, WalError } from "./errors.ts";
import { FORMAT_VERSION, HEADER_BLOCK_BYTES, MAX_SEGMENT_BYTES } from "./format.ts";
import { readUint53, writeUint53 } from "./integers.ts";
import { isStamp, makeStamp, PAGE_BYTES } from "./sector.ts";

/** Who a segment is in its present life. A recycled file gets a new identity, and nothing written before fits it. */
export interface SegmentIdentity {
  /** The log that it belongs to: 16 random bytes, the same in all its segments. */
  readonly logId: Buffer;
  /** Its place in the log, from 1, never used twice. */
  readonly number: number;
  /** The size of the file. */
  readonly bytes: number;
  /** The end of every sector that was written in this life. */
  readonly stamp: number;
  /** Where the checksums of its records begin: the checksum of its header. */
  readonly seed: number;
}

const MAGIC = Buffer.from("TRELLWAL", "latin1");
const VERSION_OFFSET = 8;
const LOG_ID_OFFSET = 16;
export const LOG_ID_BYTES = 16;
const NUMBER_OFFSET = 32;
const BYTES_OFFSET = 40;
const NONCE_OFFSET = 48;
const STAMP_OFFSET = 56;
const CRC_OFFSET = 60;
/** The header proper; the rest of its block is zero. Its layout is the same in every version of the format. */
const HEADER_BYTES = 64;

/** Makes a new life for a file: its identity, and the block of bytes that states it. */
export function makeSegmentHeader(
  place: { readonly logId: Buffer; readonly number: number; readonly bytes: number },
  random: () => number,
): { readonly identity: SegmentIdentity; readonly block: Buffer } {
  const block = Buffer.alloc(HEADER_BLOCK_BYTES);
  const stamp = makeStamp(random);
  MAGIC.copy(block);
  block.writeUInt32LE(FORMAT_VERSION, VERSION_OFFSET);
  place.logId.copy(block, LOG_ID_OFFSET);
  writeUint53(block, place.number, NUMBER_OFFSET);
  writeUint53(block, place.bytes, BYTES_OFFSET);
  randomBytes(8, random).copy(block, NONCE_OFFSET);
  block.writeUInt32LE(stamp, STAMP_OFFSET);
  const seed = crc32(block.subarray(0, CRC_OFFSET));
  block.writeUInt32LE(seed, CRC_OFFSET);
  return { identity: { ...place, stamp, seed }, block };
}

/**
 * Reads the header block of a segment. Throws a WalError `damaged` or `unsupported-format`. `expected`: what its name and the file itself
 * say.
 */
export function readSegmentHeader(
  block: Buffer,
  file: string,
  expected: { readonly number: number; readonly bytes: number },
): SegmentIdentity {
  if (block.length < HEADER_BLOCK_BYTES) {
    throw damaged(file, block.length, `a segment begins with ${HEADER_BLOCK_BYTES} bytes of header`);
  }
  if (!block.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged(file, 0, "it does not begin as a segment does");
  const seed = crc32(block.subarray(0, CRC_OFFSET));
  if (block.readUInt32LE(CRC_OFFSET) !== seed) {
    throw damaged(file, CRC_OFFSET, "its header does not match its checksum");
  }
  const version = block.readUInt32LE(VERSION_OFFSET);
  if (version !== FORMAT_VERSION) {
    throw new WalError(
      "unsupported-format",
      `${file} has format version ${version}; this program reads version ${FORMAT_VERSION}. Start a version of the program that knows it`,
      { file, offset: VERSION_OFFSET },
    );
  }
  const rest = block.subarray(HEADER_BYTES, HEADER_BLOCK_BYTES).findIndex((byte) => byte !== 0);
  if (rest >= 0) throw damaged(file, HEADER_BYTES + rest, "the rest of the header block is not zero");
  const identity: SegmentIdentity = {
    logId: Buffer.from(block.subarray(LOG_ID_OFFSET, LOG_ID_OFFSET + LOG_ID_BYTES)),
    number: readUint53(block, NUMBER_OFFSET),
    bytes: readUint53(block, BYTES_OFFSET),
    stamp: block.readUInt32LE(STAMP_OFFSET),
    seed,
  };
  checkPlace(identity, file, expected);
  return identity;
}

function checkPlace(
  identity: SegmentIdentity,
  file: string,
  expected: { readonly number: number; readonly bytes: number },
): void {
  const { number, bytes, stamp } = identity;
  if (number !== expected.number) {
    throw damaged(file, NUMBER_OFFSET, `its header says segment ${number}`);
  }
  if (bytes !== expected.bytes) {
    throw damaged(file, BYTES_OFFSET, `its header says ${bytes} bytes, the file has ${expected.bytes}`);
  }
  if (bytes % PAGE_BYTES !== 0 || bytes > MAX_SEGMENT_BYTES || !isStamp(stamp)) {
    throw damaged(file, BYTES_OFFSET, "its header holds values that no version of this program writes");
  }
}

/** Random bytes from a source of numbers from 0 to before 1. */
export function randomBytes(count: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
}
