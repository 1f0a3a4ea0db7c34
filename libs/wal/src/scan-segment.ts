import { damaged } from "./errors.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import { type Link, type PlacedItem, RECORD_HEADER_BYTES, type RecordHeader } from "./record.ts";
import { readRecordHeader, readRecordItems } from "./record.ts";
import { SECTOR_BYTES, SECTOR_CONTENT_BYTES, sectorBytes, sectorStatus, unstampSectors } from "./sector.ts";
import type { SegmentIdentity } from "./segment-header.ts";

/** A segment's bytes, all of them, and who it is. */
export interface LoadedSegment {
  readonly file: string;
  readonly identity: SegmentIdentity;
  readonly buffer: Buffer;
}

/** A record that is as it was written. */
export interface ScannedRecord {
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** What it takes up on disk. */
  readonly bytes: number;
  readonly header: RecordHeader;
  readonly items: readonly PlacedItem[];
}

/**
 * Where a segment's records end. `tornBytes`: the header of one more record is there, and says that it takes up so many bytes, of which some
 * sectors never arrived.
 */
export interface SegmentEnd {
  readonly offset: number;
  readonly tornBytes: number | undefined;
}

/** Where a record is expected, for the message when another one is found. */
export interface Place {
  readonly file: string;
  readonly offset: number;
}

/**
 * Walks the records of a segment from its beginning. `link` is what the first one follows; undefined for the first segment that the log
 * still has. Throws a WalError `damaged` for what is neither a record, nor the end, nor torn.
 */
export function* scanRecords(
  segment: LoadedSegment,
  link: Link | undefined,
  expectedAt?: Place,
): Generator<ScannedRecord, SegmentEnd> {
  let [offset, before] = [HEADER_BLOCK_BYTES, link];
  for (;;) {
    const header = headerAt(segment, offset);
    if (header === undefined) return { offset, tornBytes: undefined };
    const missing = offset === HEADER_BLOCK_BYTES ? expectedAt : undefined;
    checkLink(header, before, missing ?? { file: segment.file, offset });
    const bytes = recordExtent(segment, header, offset);
    const { unwritten, damagedStamp } = inspectSectors(segment, offset, bytes);
    if (unwritten > 0) return { offset, tornBytes: bytes };
    const items = itemsAt(segment, header, offset);
    if (damagedStamp !== undefined)
      throw damaged(segment.file, damagedStamp, "the stamp of a sector is not the segment's");
    yield { offset, bytes, header, items };
    before = { sequence: header.sequence, chain: header.chain };
    offset += bytes;
  }
}

/** The record header in a sector; undefined where the sector was not written in this life of the segment. */
function headerAt({ buffer, identity, file }: LoadedSegment, offset: number): RecordHeader | undefined {
  if (offset + SECTOR_BYTES > buffer.length) return undefined;
  const status = sectorStatus(buffer, offset, identity.stamp);
  if (status === "unwritten") return undefined;
  const header = readRecordHeader(buffer.subarray(offset, offset + SECTOR_CONTENT_BYTES), identity.seed);
  if (header !== undefined) return header;
  // A stamp that is nearly ours above bytes that are not: what a recycled segment was before, by chance.
  if (status === "damaged") return undefined;
  throw damaged(file, offset, "a record's header does not match its checksum");
}

function checkLink(header: RecordHeader, before: Link | undefined, at: Place): void {
  if (before === undefined) return;
  const expected = before.sequence + 1;
  if (header.sequence !== expected) {
    throw damaged(
      at.file,
      at.offset,
      `record ${expected} is missing, record ${header.sequence} is in its place`,
    );
  }
  if (header.previous !== before.chain) {
    throw damaged(at.file, at.offset, `record ${expected} does not follow from the record before it`);
  }
}

function recordExtent({ buffer, file }: LoadedSegment, { length }: RecordHeader, offset: number): number {
  const bytes = sectorBytes(length);
  if (length < RECORD_HEADER_BYTES || offset + bytes > buffer.length) {
    throw damaged(file, offset, `a record of ${length} bytes does not fit where it is`);
  }
  return bytes;
}

function inspectSectors(
  { buffer, identity }: LoadedSegment,
  offset: number,
  bytes: number,
): { readonly unwritten: number; readonly damagedStamp: number | undefined } {
  let unwritten = 0;
  let damagedStamp: number | undefined;
  for (let sector = offset; sector < offset + bytes; sector += SECTOR_BYTES) {
    const status = sectorStatus(buffer, sector, identity.stamp);
    if (status === "unwritten") unwritten++;
    if (status === "damaged") damagedStamp ??= sector + SECTOR_CONTENT_BYTES;
  }
  return { unwritten, damagedStamp };
}

function itemsAt(
  { buffer, identity, file }: LoadedSegment,
  header: RecordHeader,
  offset: number,
): readonly PlacedItem[] {
  const bytes = sectorBytes(header.length);
  const whole = unstampSectors(buffer, offset, (bytes / SECTOR_BYTES) * SECTOR_CONTENT_BYTES);
  const rest = whole.subarray(header.length).findIndex((byte) => byte !== 0);
  if (rest >= 0)
    throw damaged(file, offset + bytes - SECTOR_BYTES, "the end of a record's last sector is not zero");
  try {
    return readRecordItems(whole.subarray(0, header.length), header, identity.seed);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damaged(file, offset, error.message);
  }
}

/** What is written in a segment behind the end of its records. */
export interface Leftovers {
  readonly from: number;
  readonly to: number;
}

/**
 * Looks for sectors that were written in this life of the segment from an offset on. There are some when the last write was interrupted;
 * but no record, since a record is written when the one before it is durable. Throws a WalError `damaged` when there is one.
 */
export function findLeftovers(
  { buffer, identity, file }: LoadedSegment,
  end: number,
  at: { readonly place: Place; readonly sequence: number },
): Leftovers | undefined {
  let [from, to] = [-1, -1];
  for (let offset = end; offset + SECTOR_BYTES <= buffer.length; offset += SECTOR_BYTES) {
    if (sectorStatus(buffer, offset, identity.stamp) !== "written") continue;
    const header = readRecordHeader(buffer.subarray(offset, offset + SECTOR_CONTENT_BYTES), identity.seed);
    if (header !== undefined && header.sequence > at.sequence) {
      throw damaged(
        at.place.file,
        at.place.offset,
        `record ${at.sequence} is missing or broken, though record ${header.sequence}, which was written after it was durable, is in ${file}`,
      );
    }
    if (from < 0) from = offset;
    to = offset + SECTOR_BYTES;
  }
  return from < 0 ? undefined : { from, to };
}
