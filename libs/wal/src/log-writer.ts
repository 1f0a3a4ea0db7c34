import { writeFully } from "./disk.ts";
import { invariant, WalError } from "./errors.ts";
import type { RecordPlace } from "./extents.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import type { Item } from "./item.ts";
import { baseOf, type LogTail } from "./log-tail.ts";
import { type Link, type PlacedItem, recordBytes, RecordEncoder } from "./record.ts";
import { sectorBytes } from "./sector.ts";
import type { SegmentShelf } from "./segment-shelf.ts";

/** Where a writer begins. */
export interface WriterStart {
  readonly shelf: SegmentShelf;
  readonly link: Link;
  /** Whether the last record is empty: the end of a log that was closed. */
  readonly isSealed: boolean;
}

/** A durable record: its items, where in its content they begin, and where it is. */
export interface WrittenRecord {
  readonly placed: readonly PlacedItem[];
  readonly place: RecordPlace;
}

/**
 * Writes records one after the other: one write and one sync each, never a second before the first is durable. That order is what the start
 * relies on to tell a torn write from damage.
 */
export class LogWriter {
  readonly #shelf: SegmentShelf;
  readonly #encoder = new RecordEncoder();
  #link: Link;
  #lastSegment: number;
  #isSealed: boolean;
  #isWriting = false;
  #bytesWritten = 0;

  constructor({ shelf, link, isSealed }: WriterStart) {
    this.#shelf = shelf;
    this.#link = link;
    this.#lastSegment = shelf.active.identity.number;
    this.#isSealed = isSealed;
  }

  /** The segment of the last durable record: those before it may be dropped, it may not. */
  get lastSegment(): number {
    return this.#lastSegment;
  }

  /** Whether the log ends, or may end, with an empty record. */
  get isSealed(): boolean {
    return this.#isSealed;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Whether a record of these items fits into the segment that is written. */
  fits(items: readonly Item[], tail: LogTail): boolean {
    const { identity, end } = this.#shelf.active;
    return end + sectorBytes(recordBytes(this.#withBase(items, tail))) <= identity.bytes;
  }

  /** Writes items as one record of the segment that is written, after `tail`, and makes it durable. Rejects with the disk's error. */
  async write(items: readonly Item[], tail: LogTail): Promise<WrittenRecord> {
    invariant(!this.#isWriting, "two records are written at once");
    invariant(this.fits(items, tail), "a record is written that does not fit into its segment");
    this.#isWriting = true;
    const segment = this.#shelf.active;
    const whole = this.#withBase(items, tail);
    const offset = segment.end;
    const record = this.#encoder.encode(whole, { link: this.#link, segment: segment.identity, offset });
    await writeFully(segment.file, record.frame, offset);
    await segment.file.sync();
    const { number } = segment.identity;
    segment.end = offset + record.bytes;
    this.#link = record.link;
    this.#lastSegment = number;
    this.#isSealed = items.length === 0;
    this.#bytesWritten += record.frame.length;
    // A write that failed leaves this set: nothing may be written after it.
    this.#isWriting = false;
    return { placed: record.placed, place: { segment: number, offset, length: record.length } };
  }

  /** The first record of a segment begins with the base. */
  #withBase(items: readonly Item[], tail: LogTail): readonly Item[] {
    if (this.#shelf.active.end > HEADER_BLOCK_BYTES) return items;
    return [{ kind: "base", base: baseOf(tail) }, ...items];
  }
}

/** What an append is told whose record failed on its way to the disk. */
export function outcomeUnknown(cause: unknown): WalError {
  return new WalError(
    "outcome-unknown",
    "writing or syncing the log failed; this append may or may not be on disk, and the log has stopped. Look at the disk, then start again: " +
      "the start tells what is there",
    { cause },
  );
}
