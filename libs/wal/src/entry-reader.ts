import { type Disk, readFully } from "./disk.ts";
import type { Entry } from "./entry.ts";
import { damaged } from "./errors.ts";
import type { Extent } from "./extents.ts";
import { segmentName } from "./file-names.ts";
import { readRecordHeader, readRecordItems } from "./record.ts";
import { SECTOR_CONTENT_BYTES, sectorBytes, unstampSectors } from "./sector.ts";
import type { SegmentIdentity } from "./segment-header.ts";

/** Neighbouring records are read together up to this many bytes. */
const SPAN_BYTES = 1024 * 1024;

/** Which entries are wanted. */
export interface EntryRange {
  readonly from: number;
  readonly before: number;
  readonly maxBytes: number;
}

/**
 * Reads entries back from where they are, checking every record again. Gives at least one, then as many as `maxBytes` allow. Their bytes are
 * views of their record's. Throws a WalError `damaged` for a record that is no longer as it was written.
 */
export async function readEntries(
  disk: Disk,
  extents: readonly Extent[],
  identityOf: (segment: number) => SegmentIdentity,
  { from, before, maxBytes }: EntryRange,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  // Entries are views of what is taken out of it, so that it can be read into again.
  let spare: Buffer | undefined;
  for (const span of spansOf(extents)) {
    const loaded = await loadSpan(disk, span, spare);
    spare = loaded.buffer;
    for (const extent of span) {
      for (const entry of entriesOf(extent, loaded, identityOf(extent.segment))) {
        if (entry.index < from || entry.index >= before) continue;
        bytes += entry.bytes.length;
        if (bytes > maxBytes && entries.length > 0) return entries;
        entries.push(entry);
      }
    }
  }
  return entries;
}

/** Extents that are read with one call: neighbours in one segment. */
function spansOf(extents: readonly Extent[]): readonly (readonly Extent[])[] {
  const spans: Extent[][] = [];
  for (const extent of extents) {
    const span = spans.at(-1);
    const first = span?.[0];
    const fits =
      first !== undefined && first.segment === extent.segment && endOf(extent) - first.offset <= SPAN_BYTES;
    if (span !== undefined && fits) span.push(extent);
    else spans.push([extent]);
  }
  return spans;
}

interface LoadedSpan {
  readonly file: string;
  /** Where the buffer begins in the file. */
  readonly start: number;
  readonly buffer: Buffer;
}

async function loadSpan(disk: Disk, span: readonly Extent[], spare: Buffer | undefined): Promise<LoadedSpan> {
  const [first] = span;
  const last = span.at(-1);
  if (first === undefined || last === undefined) throw new Error("a span has at least one extent");
  const name = segmentName(first.segment);
  const file = await disk.open(name, "read");
  try {
    const buffer = await readFully(file, first.offset, endOf(last) - first.offset, spare);
    return { file: name, start: first.offset, buffer };
  } finally {
    await file.close();
  }
}

function endOf({ offset, length }: Extent): number {
  return offset + sectorBytes(length);
}

function entriesOf(
  extent: Extent,
  { file, start, buffer }: LoadedSpan,
  identity: SegmentIdentity,
): readonly Entry[] {
  const at = extent.offset - start;
  if (at + sectorBytes(extent.length) > buffer.length) {
    throw damaged(file, extent.offset, "the file ends within a record");
  }
  const content = unstampSectors(buffer, at, extent.length);
  const header = readRecordHeader(content.subarray(0, SECTOR_CONTENT_BYTES), identity.seed);
  if (header === undefined || header.length !== extent.length) {
    throw damaged(
      file,
      extent.offset,
      "a record that was right when it was written no longer matches its checksum",
    );
  }
  try {
    const placed = readRecordItems(content, header, identity.seed).find(
      ({ offset }) => offset === extent.itemOffset,
    );
    if (placed?.item.kind !== "entries")
      throw new RangeError("a record does not hold the entries that were written");
    return placed.item.entries.slice(0, extent.count);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damaged(file, extent.offset, error.message);
  }
}
