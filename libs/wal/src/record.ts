import { crc32 } from "node:zlib";

import { invariant } from "./errors.ts";
import { type Item, itemBytes, ItemReader, writeItem } from "./item.ts";
import { readUint53, writeUint53 } from "./integers.ts";
import { PAGE_BYTES, sectorBytes, stampSectors } from "./sector.ts";
import type { SegmentIdentity } from "./segment-header.ts";

/** The checksum of the header, which is the chain value; length; sequence; chain value before; checksum of the items; their number; zero. */
export const RECORD_HEADER_BYTES = 32;
const LENGTH_OFFSET = 4;
const SEQUENCE_OFFSET = 8;
const PREVIOUS_OFFSET = 16;
const ITEMS_CRC_OFFSET = 20;
const ITEM_COUNT_OFFSET = 24;
const ZERO_OFFSET = 28;

/** How the records of a log hang together: each states the sequence and the chain value that follow from the one before it. */
export interface Link {
  /** Of the last record; 0 before the first. */
  readonly sequence: number;
  /** The chain value of the last record; 0 before the first. */
  readonly chain: number;
}

/** Before the first record of a log. */
export const LOG_START: Link = { sequence: 0, chain: 0 };

/** A record's header, once its checksum was found right. */
export interface RecordHeader {
  readonly chain: number;
  /** Bytes of content, this header included. */
  readonly length: number;
  readonly sequence: number;
  readonly previous: number;
  readonly itemsCrc: number;
  readonly itemCount: number;
}

/** The bytes of content that a record of these items has. */
export function recordBytes(items: readonly Item[]): number {
  return items.reduce((bytes, item) => bytes + itemBytes(item), RECORD_HEADER_BYTES);
}

/** An item, and where in its record's content it begins. */
export interface PlacedItem {
  readonly item: Item;
  readonly offset: number;
}

/** A record that is ready to be written. */
export interface EncodedRecord {
  /** The record and zeros up to the next page; valid until the next record is encoded. */
  readonly frame: Buffer;
  /** What the record takes up of the frame. */
  readonly bytes: number;
  /** Bytes of content. */
  readonly length: number;
  readonly link: Link;
  readonly placed: readonly PlacedItem[];
}

/** Encodes one record at a time, in buffers that it keeps. They grow to the largest record, which the limits bound. */
export class RecordEncoder {
  #content = Buffer.alloc(PAGE_BYTES);
  #frame = Buffer.alloc(2 * PAGE_BYTES);

  /** Encodes items as the record after `link`, to be written at `offset` of a segment. */
  encode(
    items: readonly Item[],
    place: { readonly link: Link; readonly segment: SegmentIdentity; readonly offset: number },
  ): EncodedRecord {
    const { link, segment, offset } = place;
    const length = recordBytes(items);
    if (this.#content.length < length) this.#content = Buffer.alloc(roundUp(length, PAGE_BYTES));
    const content = this.#content;
    const placed: PlacedItem[] = [];
    let next = RECORD_HEADER_BYTES;
    for (const item of items) {
      placed.push({ item, offset: next });
      next = writeItem(content, item, next);
    }
    invariant(next === length, `items of ${length} bytes were written as ${next}`);
    const sequence = link.sequence + 1;
    content.writeUInt32LE(length, LENGTH_OFFSET);
    writeUint53(content, sequence, SEQUENCE_OFFSET);
    content.writeUInt32LE(link.chain, PREVIOUS_OFFSET);
    content.writeUInt32LE(itemsCrcOf(content, length, segment.seed), ITEMS_CRC_OFFSET);
    content.writeUInt32LE(items.length, ITEM_COUNT_OFFSET);
    content.writeUInt32LE(0, ZERO_OFFSET);
    const chain = headerCrcOf(content, segment.seed);
    content.writeUInt32LE(chain, 0);
    const bytes = sectorBytes(length);
    const frame = this.#layOut(length, bytes, segment, offset);
    return { frame, bytes, length, link: { sequence, chain }, placed };
  }

  #layOut(length: number, bytes: number, segment: SegmentIdentity, offset: number): Buffer {
    const end = Math.min(roundUp(offset + bytes, PAGE_BYTES), segment.bytes);
    const frameBytes = end - offset;
    if (this.#frame.length < frameBytes) this.#frame = Buffer.alloc(roundUp(frameBytes, PAGE_BYTES));
    stampSectors(this.#content, length, this.#frame, 0, segment.stamp);
    this.#frame.fill(0, bytes, frameBytes);
    return this.#frame.subarray(0, frameBytes);
  }
}

/** Reads the header at the beginning of content; undefined when its checksum does not match it. */
export function readRecordHeader(content: Buffer, seed: number): RecordHeader | undefined {
  const chain = content.readUInt32LE(0);
  if (chain !== headerCrcOf(content, seed)) return undefined;
  return {
    chain,
    length: content.readUInt32LE(LENGTH_OFFSET),
    sequence: readUint53(content, SEQUENCE_OFFSET),
    previous: content.readUInt32LE(PREVIOUS_OFFSET),
    itemsCrc: content.readUInt32LE(ITEMS_CRC_OFFSET),
    itemCount: content.readUInt32LE(ITEM_COUNT_OFFSET),
  };
}

/** Reads the items of a record's content. Throws a RangeError, saying what is wrong, for content that is not what was written. */
export function readRecordItems(content: Buffer, header: RecordHeader, seed: number): readonly PlacedItem[] {
  if (itemsCrcOf(content, header.length, seed) !== header.itemsCrc) {
    throw new RangeError("a record does not match its checksum");
  }
  const reader = new ItemReader(content, RECORD_HEADER_BYTES);
  const items: PlacedItem[] = [];
  for (let count = 0; count < header.itemCount; count++) {
    const offset = reader.offset;
    items.push({ item: reader.next(), offset });
  }
  if (reader.offset !== header.length) throw new RangeError("a record is longer than its items");
  return items;
}

function headerCrcOf(content: Buffer, seed: number): number {
  return crc32(content.subarray(LENGTH_OFFSET, RECORD_HEADER_BYTES), seed);
}

function itemsCrcOf(content: Buffer, length: number, seed: number): number {
  return crc32(content.subarray(RECORD_HEADER_BYTES, length), seed);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
