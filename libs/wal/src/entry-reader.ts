import { type Disk, readFully } from "./disk.ts";
import type { Entry } from "./entry.ts";
import { damaged } from "./errors.ts";
import { areOfOneRecord, type Extent, type RecordPlace } from "./extents.ts";
import { segmentName } from "./file-names.ts";
import { type PlacedItem, readRecordHeader, readRecordItems } from "./record.ts";
import { SECTOR_CONTENT_BYTES, sectorBytes, unstampSectors } from "./sector.ts";
import type { SegmentIdentity } from "./segment-header.ts";

/** Neighbouring records are read together up to this many bytes; a longer one alone. */
const SPAN_BYTES = 1024 * 1024;

/** Which entries are wanted. */
export interface EntryRange {
  readonly from: number;
  readonly before: number;
  readonly maxBytes: number;
}

/**
 * Reads entries back from where they are, checking every record again. Gives at least one, then as many as `maxBytes` allow. Those of one record
 * share a buffer, which holds no entries beside them. Throws a WalError `damaged` for a record that is no longer as it was written.
 */
export async function readEntries(
  disk: Disk,
  extents: readonly Extent[],
  identityOf: (segment: number) => SegmentIdentity,
  { from, before, maxBytes }: EntryRange,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let left = maxBytes;
  // Entries are views of what is taken out of it, so that it can be read into again.
  let spare: Buffer | undefined;
  for (const span of spansOf(recordsOf(extents))) {
    const loaded = await loadSpan(disk, span, spare);
    spare = loaded.buffer;
    for (const record of span) {
      const { found, written } = entriesOf(record, loaded, identityOf(record.segment));
      const wanted = found.filter(({ index }) => index >= from && index < before);
      const taken = fitting(wanted, left, entries.length === 0 ? 1 : 0);
      left -= bytesOf(taken);
      for (const entry of taken.length < written ? copiesOf(taken) : taken) entries.push(entry);
      if (taken.length < wanted.length) return entries;
    }
  }
  return entries;
}

/** The first entries, as many as so many bytes allow, or more if it is the least number. */
function fitting(entries: readonly Entry[], maxBytes: number, least: number): readonly Entry[] {
  let [count, bytes] = [0, 0];
  for (const entry of entries) {
    bytes += entry.bytes.length;
    if (bytes > maxBytes && count >= least) break;
    count++;
  }
  return entries.slice(0, count);
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Copies of entries in a buffer of their own: whoever kept a few of a record's would keep all of it. */
function copiesOf(entries: readonly Entry[]): readonly Entry[] {
  const buffer = Buffer.allocUnsafeSlow(bytesOf(entries));
  let offset = 0;
  return entries.map(({ index, term, bytes }) => {
    const copy = buffer.subarray(offset, offset + bytes.length);
    copy.set(bytes);
    offset += bytes.length;
    return { index, term, bytes: copy };
  });
}

/** A record, and what of it is looked for. */
interface WantedRecord extends RecordPlace {
  readonly extents: readonly Extent[];
}

/** The records that extents are of. The appends of a batch are one, which is read once for all of them. */
function recordsOf(extents: readonly Extent[]): readonly WantedRecord[] {
  const records: (RecordPlace & { readonly extents: Extent[] })[] = [];
  for (const extent of extents) {
    const last = records.at(-1);
    if (last !== undefined && areOfOneRecord(last, extent)) last.extents.push(extent);
    else records.push({ ...placeOf(extent), extents: [extent] });
  }
  return records;
}

function placeOf({ segment, offset, length }: RecordPlace): RecordPlace {
  return { segment, offset, length };
}

/** Records that are read with one call: neighbours in one segment. */
function spansOf(records: readonly WantedRecord[]): readonly (readonly WantedRecord[])[] {
  const spans: WantedRecord[][] = [];
  for (const record of records) {
    const span = spans.at(-1);
    const first = span?.[0];
    const fits =
      first !== undefined && first.segment === record.segment && endOf(record) - first.offset <= SPAN_BYTES;
    if (span !== undefined && fits) span.push(record);
    else spans.push([record]);
  }
  return spans;
}

interface LoadedSpan {
  readonly file: string;
  /** Where the buffer begins in the file. */
  readonly start: number;
  readonly buffer: Buffer;
}

async function loadSpan(
  disk: Disk,
  span: readonly RecordPlace[],
  spare: Buffer | undefined,
): Promise<LoadedSpan> {
  const [first] = span;
  const last = span.at(-1);
  if (first === undefined || last === undefined) throw new Error("a span has at least one record");
  const name = segmentName(first.segment);
  const file = await disk.open(name, "read");
  try {
    const buffer = await readFully(file, first.offset, endOf(last) - first.offset, spare);
    return { file: name, start: first.offset, buffer };
  } finally {
    await file.close();
  }
}

function endOf({ offset, length }: RecordPlace): number {
  return offset + sectorBytes(length);
}

/** The entries of a record that are the log's, of those that are looked for, and how many were written in it. */
function entriesOf(
  record: WantedRecord,
  loaded: LoadedSpan,
  identity: SegmentIdentity,
): { readonly found: readonly Entry[]; readonly written: number } {
  const entriesAt = new Map<number, readonly Entry[]>();
  let written = 0;
  for (const { item, offset } of itemsOf(record, loaded, identity)) {
    if (item.kind !== "entries") continue;
    entriesAt.set(offset, item.entries);
    written += item.entries.length;
  }
  const found = record.extents.flatMap(({ itemOffset, count }) => {
    const entries = entriesAt.get(itemOffset);
    if (entries !== undefined) return entries.slice(0, count);
    throw damaged(loaded.file, record.offset, "a record does not hold the entries that were written");
  });
  return { found, written };
}

function itemsOf(
  record: RecordPlace,
  { file, start, buffer }: LoadedSpan,
  identity: SegmentIdentity,
): readonly PlacedItem[] {
  const at = record.offset - start;
  if (at + sectorBytes(record.length) > buffer.length) {
    throw damaged(file, record.offset, "the file ends within a record");
  }
  const content = unstampSectors(buffer, at, record.length);
  const header = readRecordHeader(content.subarray(0, SECTOR_CONTENT_BYTES), identity.seed);
  if (header === undefined || header.length !== record.length) {
    throw damaged(
      file,
      record.offset,
      "a record that was right when it was written no longer matches its checksum",
    );
  }
  try {
    return readRecordItems(content, header, identity.seed);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damaged(file, record.offset, error.message);
  }
}
