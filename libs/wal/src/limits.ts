import { WalError } from "./errors.ts";
import { HEADER_BLOCK_BYTES, MAX_RECORD_BYTES, MAX_SEGMENT_BYTES } from "./format.ts";
import { PAGE_BYTES, sectorBytes } from "./sector.ts";

/** The bounds of a log. All are whole numbers; each has a default in {@link DEFAULT_LIMITS}. */
export interface WalLimits {
  /** Size of a segment file, in bytes: a multiple of 4,096. A record never spans two segments. */
  readonly segmentBytes: number;
  /** Segments that are kept prepared behind the one that is written. */
  readonly segmentsAhead: number;
  /** Dropped segments that are kept to be recycled; more are deleted. */
  readonly spareSegments: number;
  /** Bytes that one append may take up in its record. */
  readonly appendBytes: number;
  /** Bytes that the appends of one batch (one record, one write, one sync) may take up together. */
  readonly batchBytes: number;
  /** Bytes of the hard state. */
  readonly hardStateBytes: number;
  /** Appends that may wait for their turn. */
  readonly queuedAppends: number;
  /** Bytes that the waiting appends may have together. */
  readonly queuedBytes: number;
  /** Bytes of entries that one read gives; it always gives at least one entry. */
  readonly readBytes: number;
  /** How long until reserving space is tried again after it failed, in milliseconds. */
  readonly spaceRetryMs: number;
}

const MEBIBYTE = 1024 * 1024;

/** What a record needs beyond its appends: its header, and the base that the first one of a segment carries, without the hard state. */
export const RECORD_OVERHEAD_BYTES = 128;

export const DEFAULT_LIMITS: WalLimits = {
  segmentBytes: 16 * MEBIBYTE,
  segmentsAhead: 2,
  spareSegments: 4,
  appendBytes: 8 * MEBIBYTE,
  batchBytes: 8 * MEBIBYTE,
  hardStateBytes: 64 * 1024,
  queuedAppends: 1024,
  queuedBytes: 64 * MEBIBYTE,
  readBytes: 8 * MEBIBYTE,
  spaceRetryMs: 1000,
};

/** What the largest record takes up on disk. */
export function largestRecordBytes({ batchBytes, hardStateBytes }: WalLimits): number {
  return sectorBytes(batchBytes + hardStateBytes + RECORD_OVERHEAD_BYTES);
}

/** Fills in the defaults. Throws a WalError `invalid` for bounds that cannot hold together. */
export function walLimits(given: Partial<WalLimits> = {}): WalLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    const least = name === "spareSegments" ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new WalError("invalid", `the limit ${name} is a whole number from ${least}, found ${value}`);
    }
  }
  const { segmentBytes, appendBytes, batchBytes } = limits;
  if (segmentBytes % PAGE_BYTES !== 0 || segmentBytes > MAX_SEGMENT_BYTES) {
    throw new WalError(
      "invalid",
      `segmentBytes is a multiple of ${PAGE_BYTES} up to ${MAX_SEGMENT_BYTES}, found ${segmentBytes}`,
    );
  }
  if (batchBytes < appendBytes) {
    throw new WalError("invalid", `batchBytes is at least appendBytes (${appendBytes}), found ${batchBytes}`);
  }
  const largest = largestRecordBytes(limits);
  if (largest > Math.min(segmentBytes - HEADER_BLOCK_BYTES, MAX_RECORD_BYTES)) {
    throw new WalError(
      "invalid",
      `a record of batchBytes and hardStateBytes takes ${largest} bytes and must fit into a segment of ${segmentBytes} behind its ` +
        `header of ${HEADER_BLOCK_BYTES}; raise segmentBytes or lower the others`,
    );
  }
  return limits;
}
