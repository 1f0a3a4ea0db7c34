import { type Disk, readFully } from "./disk.ts";
import { damaged } from "./errors.ts";
import { type FoundFiles, segmentName } from "./file-names.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import { advance, EMPTY_TAIL, type LogTail, tailFromBase } from "./log-tail.ts";
import { type Link, LOG_START } from "./record.ts";
import {
  findLeftovers,
  type LoadedSegment,
  type Place,
  type ScannedRecord,
  scanRecords,
} from "./scan-segment.ts";
import { readSegmentHeader, type SegmentIdentity } from "./segment-header.ts";

/** The end of an interrupted write: bytes that were never acknowledged, and that the next start takes away. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A record, and the segment that it is in. */
export interface LogRecord extends ScannedRecord {
  readonly segment: SegmentIdentity;
  /** The log after it. */
  readonly tail: LogTail;
}

/** What a log adds up to. */
export interface LogScan {
  readonly tail: LogTail;
  readonly link: Link;
  /** The segment that the last record is in; the first one of a log without records. */
  readonly lastSegment: SegmentIdentity;
  /** Where the last record begins, and the next one goes; the same in a log without records. */
  readonly lastOffset: number;
  readonly endOffset: number;
  readonly torn: (TornTail & { readonly segment: SegmentIdentity }) | undefined;
}

/** Reads the headers of a directory's segments. Throws a WalError for what cannot be the segments of one log. */
export async function readIdentities(
  disk: Disk,
  { segments: numbers, spares, snapshotRoom }: FoundFiles,
): Promise<readonly SegmentIdentity[]> {
  // Both are made only where a segment is, durably: without one, what was promised is gone, and a new log would not know of it.
  if (numbers.length === 0 && (spares.length > 0 || snapshotRoom)) {
    const left = spares.length > 0 ? "segments that the log had dropped are" : "its room for a snapshot is";
    throw damaged(segmentName(1), 0, `no segment is there, while ${left}`);
  }
  const identities: SegmentIdentity[] = [];
  for (const [position, number] of numbers.entries()) {
    const file = segmentName(number);
    const missing = (numbers[0] ?? number) + position;
    if (number !== missing)
      throw damaged(segmentName(missing), 0, `the file is missing, while ${file} is there`);
    const identity = await readIdentity(disk, number);
    if (identities.some(({ logId }) => !logId.equals(identity.logId))) {
      throw damaged(file, 0, `it belongs to another log than ${segmentName(numbers[0] ?? number)}`);
    }
    identities.push(identity);
  }
  return identities;
}

async function readIdentity(disk: Disk, number: number): Promise<SegmentIdentity> {
  const name = segmentName(number);
  const file = await disk.open(name, "read");
  try {
    const block = await readFully(file, 0, HEADER_BLOCK_BYTES);
    return readSegmentHeader(block, name, { number, bytes: await file.size() });
  } finally {
    await file.close();
  }
}

async function loadSegment(disk: Disk, identity: SegmentIdentity): Promise<LoadedSegment> {
  const name = segmentName(identity.number);
  const file = await disk.open(name, "read");
  try {
    return { file: name, identity, buffer: await readFully(file, 0, identity.bytes) };
  } finally {
    await file.close();
  }
}

/**
 * Reads a whole log, a segment at a time, without changing anything. Gives every record in order, then what they add up to. Throws a WalError
 * `damaged` as soon as something is found that is neither as it was written nor the torn end of an interrupted write.
 */
export async function* scanLog(
  disk: Disk,
  identities: readonly SegmentIdentity[],
): AsyncGenerator<LogRecord, LogScan> {
  const scanner = new LogScanner();
  for (const identity of identities) yield* scanner.scan(await loadSegment(disk, identity));
  return scanner.finish();
}

class LogScanner {
  #first: SegmentIdentity | undefined;
  #last: SegmentIdentity | undefined;
  #lastOffset = HEADER_BLOCK_BYTES;
  #tail: LogTail = EMPTY_TAIL;
  #link: Link = LOG_START;
  /** Where the next record is expected. */
  #end: Place = { file: "", offset: HEADER_BLOCK_BYTES };
  #torn: (TornTail & { segment: SegmentIdentity }) | undefined;
  /** A segment without records was seen: none may follow. */
  #ended = false;

  *scan(segment: LoadedSegment): Generator<LogRecord, void> {
    const { identity, file } = segment;
    const isFirst = this.#first === undefined;
    if (isFirst) {
      this.#first = identity;
      this.#last = identity;
      this.#end = { file, offset: HEADER_BLOCK_BYTES };
    }
    let offset = HEADER_BLOCK_BYTES;
    let tornBytes: number | undefined;
    if (this.#torn === undefined) {
      const link = isFirst && identity.number > 1 ? undefined : this.#link;
      const records = scanRecords(segment, link, isFirst ? undefined : this.#end);
      let step = records.next();
      while (step.done !== true) {
        yield this.#take(segment, step.value);
        offset = step.value.offset + step.value.bytes;
        step = records.next();
      }
      ({ offset, tornBytes } = step.value);
    }
    this.#endSegment(segment, offset, tornBytes);
  }

  #take(segment: LoadedSegment, record: ScannedRecord): LogRecord {
    const { identity, file } = segment;
    if (this.#torn !== undefined || this.#ended) {
      throw damaged(this.#end.file, this.#end.offset, `a record is missing or broken, while ${file} goes on`);
    }
    this.#tail = this.#tailAfter(segment, record);
    this.#last = identity;
    this.#lastOffset = record.offset;
    this.#link = { sequence: record.header.sequence, chain: record.header.chain };
    this.#end = { file, offset: record.offset + record.bytes };
    return { ...record, segment: identity, tail: this.#tail };
  }

  #tailAfter({ file, identity }: LoadedSegment, { items, offset }: ScannedRecord): LogTail {
    let tail = this.#tail;
    const isFirstOfSegment = offset === HEADER_BLOCK_BYTES;
    for (const [position, { item }] of items.entries()) {
      if ((item.kind === "base") !== (isFirstOfSegment && position === 0)) {
        throw damaged(
          file,
          offset,
          "the first record of a segment, and no other, begins with the segment's base",
        );
      }
      const isStart = item.kind === "base" && identity === this.#first && identity.number > 1;
      const next = isStart ? tailFromBase(item.base) : advance(tail, item);
      if (typeof next === "string") throw damaged(file, offset, next);
      tail = next;
    }
    return tail;
  }

  #endSegment(segment: LoadedSegment, offset: number, tornBytes: number | undefined): void {
    const { identity, file } = segment;
    const hasRecords = offset > HEADER_BLOCK_BYTES;
    const expected = { place: this.#end, sequence: this.#link.sequence + 1 };
    const leftovers = findLeftovers(segment, offset, expected);
    if (leftovers !== undefined) {
      const isNextPlace = this.#torn === undefined && !this.#ended;
      const isWithin = tornBytes === undefined || leftovers.to <= offset + tornBytes;
      if (!isNextPlace || !isWithin) {
        throw damaged(file, leftovers.from, "bytes of this log are where nothing was written yet");
      }
      const bytes = leftovers.to - leftovers.from;
      this.#torn = { file, offset: leftovers.from, bytes, segment: identity };
    }
    if (!hasRecords && identity !== this.#first) this.#ended = true;
  }

  finish(): LogScan {
    const [first, last] = [this.#first, this.#last];
    if (first === undefined || last === undefined) throw new Error("a log has at least one segment");
    const firstFile = segmentName(first.number);
    if (first.number > 1 && this.#link.sequence === 0) {
      throw damaged(
        firstFile,
        HEADER_BLOCK_BYTES,
        "it has no record, and the segments before it are missing",
      );
    }
    const { firstIndex, snapshot } = this.#tail;
    if (firstIndex > (snapshot?.index ?? 0) + 1) {
      throw damaged(
        firstFile,
        HEADER_BLOCK_BYTES,
        `the entries from the snapshot mark at ${snapshot?.index ?? 0} to ${firstIndex} are missing with the segments before it`,
      );
    }
    return {
      tail: this.#tail,
      link: this.#link,
      lastSegment: last,
      lastOffset: this.#lastOffset,
      endOffset: this.#end.offset,
      torn: this.#torn,
    };
  }
}
