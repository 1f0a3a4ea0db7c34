/**
 * The smallest unit that a disk writes whole, or not at all. Every sector of a segment ends with the segment's stamp, so that it can be
 * told which sectors of an interrupted write arrived: that is what tells a torn write (some sectors did not) from damage (all did).
 */
export const SECTOR_BYTES = 512;
/** Bytes of the stamp at the end of each sector. */
export const STAMP_BYTES = 4;
/** Bytes of a sector that carry content. */
export const SECTOR_CONTENT_BYTES = SECTOR_BYTES - STAMP_BYTES;
/** Writes end on a page, so that the system never has to read a page before it can change a part of it. */
export const PAGE_BYTES = 4096;

/** The bytes that content takes up on disk: whole sectors. */
export function sectorBytes(contentBytes: number): number {
  return Math.ceil(contentBytes / SECTOR_CONTENT_BYTES) * SECTOR_BYTES;
}

/** Lays content out in stamped sectors at an offset of the target. Answers the bytes used. */
export function stampSectors(
  content: Buffer,
  contentBytes: number,
  target: Buffer,
  offset: number,
  stamp: number,
): number {
  let to = offset;
  for (let from = 0; from < contentBytes; from += SECTOR_CONTENT_BYTES) {
    const end = Math.min(from + SECTOR_CONTENT_BYTES, contentBytes);
    content.copy(target, to, from, end);
    target.fill(0, to + end - from, to + SECTOR_CONTENT_BYTES);
    target.writeUInt32LE(stamp, to + SECTOR_CONTENT_BYTES);
    to += SECTOR_BYTES;
  }
  return to - offset;
}

/** Takes content out of stamped sectors, into a new buffer. The sectors must lie within the source. */
export function unstampSectors(source: Buffer, offset: number, contentBytes: number): Buffer {
  const content = Buffer.allocUnsafe(contentBytes);
  let from = offset;
  for (let to = 0; to < contentBytes; to += SECTOR_CONTENT_BYTES) {
    source.copy(content, to, from, from + Math.min(SECTOR_CONTENT_BYTES, contentBytes - to));
    from += SECTOR_BYTES;
  }
  return content;
}

/**
 * Whether a sector was written in its segment's present life. `damaged`: its stamp is all but the segment's, which no interrupted write
 * and no earlier life leaves behind.
 */
export type SectorStatus = "written" | "unwritten" | "damaged";

/** Stamps that differ in this many bits or fewer are the same stamp with damage. Less than the bits that any byte of a stamp has set. */
const DAMAGED_STAMP_BITS = 2;

export function sectorStatus(source: Buffer, offset: number, stamp: number): SectorStatus {
  const difference = (source.readUInt32LE(offset + SECTOR_CONTENT_BYTES) ^ stamp) >>> 0;
  if (difference === 0) return "written";
  return bitsSet(difference) <= DAMAGED_STAMP_BITS ? "damaged" : "unwritten";
}

/**
 * Makes a stamp: a random number of which every byte has three to five bits set, so that a stamp of which only some bytes were overwritten
 * with zeros still differs from the whole by more than {@link DAMAGED_STAMP_BITS}.
 */
export function makeStamp(random: () => number): number {
  let stamp = 0;
  for (let byte = 0; byte < STAMP_BYTES; byte++) {
    stamp = stamp * 256 + (BALANCED_BYTES[Math.floor(random() * BALANCED_BYTES.length)] ?? FALLBACK_BYTE);
  }
  return stamp;
}

/** Whether a number could have come from {@link makeStamp}. */
export function isStamp(value: number): boolean {
  return [0, 8, 16, 24].every((shift) => isBalanced((value >>> shift) & 0xff));
}

/** A number with half its bits set: a valid stamp for the impossible case of a random source that leaves its range. */
const FALLBACK_BYTE = 0b0101_0101;
const BALANCED_BYTES = Array.from({ length: 256 }, (_, byte) => byte).filter(isBalanced);

function isBalanced(byte: number): boolean {
  const bits = bitsSet(byte);
  return bits >= 3 && bits <= 5;
}

function bitsSet(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest = (rest & (rest - 1)) >>> 0) bits++;
  return bits;
}
