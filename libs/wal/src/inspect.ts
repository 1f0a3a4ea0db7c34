import type { Disk } from "./disk.ts";
import type { SnapshotMark } from "./entry.ts";
import { WalError } from "./errors.ts";
import { classifyFiles, segmentName } from "./file-names.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import type { LogRecord, LogScan, TornTail } from "./scan-log.ts";
import { readIdentities, scanLog } from "./scan-log.ts";
import type { SegmentIdentity } from "./segment-header.ts";

/** A range of indexes or terms, both ends included. */
export interface IndexRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What a segment is for: `full` holds records and others follow it, `current` is written, `prepared` waits to be. `damaged`: there reading ended;
 * `unread`: it is behind the damage.
 */
export type SegmentState = "full" | "current" | "prepared" | "damaged" | "unread";

/** What a segment holds. */
export interface SegmentSummary {
  readonly file: string;
  readonly number: number;
  readonly bytes: number;
  readonly records: number;
  readonly entries: number;
  /** The lowest and the highest index of an entry written here; undefined without entries. */
  readonly indexes: IndexRange | undefined;
  /** The lowest and the highest term of an entry written here; undefined without entries. */
  readonly terms: IndexRange | undefined;
  readonly hardStates: number;
  readonly snapshotMarks: number;
  /** Where its records end. */
  readonly usedBytes: number;
  /** Up to where all was durable for certain: a record is written only when the one before it is. */
  readonly syncedBytes: number;
  readonly state: SegmentState;
}

/** What one record holds. */
export interface RecordSummary {
  readonly file: string;
  readonly offset: number;
  /** On disk. */
  readonly bytes: number;
  readonly sequence: number;
  /** The first record of a segment states the state before it. */
  readonly hasBase: boolean;
  readonly entries: readonly (IndexRange & { readonly firstTerm: number; readonly lastTerm: number })[];
  readonly hardStates: readonly Uint8Array[];
  readonly snapshots: readonly (SnapshotMark & { readonly installed: boolean })[];
}

/** What a directory holds. */
export interface LogSummary {
  /** Sixteen bytes in hexadecimal; undefined when the directory holds no log. */
  readonly logId: string | undefined;
  readonly segments: readonly SegmentSummary[];
  readonly spareFiles: readonly string[];
  /** Of the entries that a start would find; undefined without entries. */
  readonly indexes: IndexRange | undefined;
  readonly hardState: Uint8Array | undefined;
  readonly snapshot: SnapshotMark | undefined;
  readonly records: number;
  /** Whether the last record is the mark of a log that was closed. */
  readonly isClosed: boolean;
  /** What a start would take away. */
  readonly tornTail: TornTail | undefined;
  /** Why a start would refuse. The rest then tells of what comes before it. */
  readonly damage: WalError | undefined;
}

export interface InspectOptions {
  /** Told of every record, once and in order. */
  readonly onRecord?: (record: RecordSummary) => void;
}

/** How often a log that is being written is read, until it is found as it must be, or twice with the same damage. */
const READINGS = 8;

/**
 * Reads a log as a start would, without the lock and without changing anything. While a process has the log open, what it is writing may look
 * like a torn tail. What looks like damage counts when a second reading finds it again, at the same place: one reading takes time, and the log goes
 * on meanwhile. Rejects with the disk's errors and with a WalError `busy` when the log changed in every reading: damage is a part of the answer.
 */
export async function inspectWal(disk: Disk, options: InspectOptions = {}): Promise<LogSummary> {
  let reported = 0;
  const onRecord = (record: RecordSummary): void => {
    if (record.sequence <= reported) return;
    reported = record.sequence;
    options.onRecord?.(record);
  };
  let foundBefore: string | undefined;
  for (let reading = 0; reading < READINGS; reading++) {
    try {
      const summary = await readOnce(disk, { onRecord });
      const found = summary.damage?.message;
      if (found === undefined || found === foundBefore) return summary;
      foundBefore = found;
    } catch (error) {
      // A segment was dropped between looking for names and opening them.
      if ((error as { code?: unknown }).code !== "ENOENT") throw error;
      foundBefore = undefined;
    }
  }
  throw new WalError(
    "busy",
    `the log in ${disk.description} changed each of the ${READINGS} times that it was read; try again when less is written, or copy the directory ` +
      `while its process is stopped`,
  );
}

async function readOnce(disk: Disk, options: InspectOptions): Promise<LogSummary> {
  const found = classifyFiles(await disk.list());
  const inspection = new Inspection(found.spares, options);
  try {
    const identities = await readIdentities(disk, found);
    if (identities.length === 0) return inspection.summary(undefined, undefined);
    inspection.begin(identities);
    const records = scanLog(disk, identities);
    let step = await records.next();
    while (step.done !== true) {
      inspection.add(step.value);
      step = await records.next();
    }
    return inspection.summary(step.value, undefined);
  } catch (error) {
    if (!WalError.is(error)) throw error;
    return inspection.summary(undefined, error);
  }
}

type Counts = { -readonly [Key in keyof SegmentSummary]: SegmentSummary[Key] };

class Inspection {
  readonly #spares: readonly string[];
  readonly #options: InspectOptions;
  readonly #segments = new Map<number, Counts>();
  #logId: string | undefined;
  #last: LogRecord | undefined;
  #records = 0;

  constructor(spares: readonly string[], options: InspectOptions) {
    this.#spares = spares;
    this.#options = options;
  }

  begin(identities: readonly SegmentIdentity[]): void {
    this.#logId = identities[0]?.logId.toString("hex");
    for (const { number, bytes } of identities) {
      this.#segments.set(number, {
        file: segmentName(number),
        number,
        bytes,
        records: 0,
        entries: 0,
        indexes: undefined,
        terms: undefined,
        hardStates: 0,
        snapshotMarks: 0,
        usedBytes: HEADER_BLOCK_BYTES,
        syncedBytes: HEADER_BLOCK_BYTES,
        state: "prepared",
      });
    }
  }

  add(record: LogRecord): void {
    this.#records++;
    const summary = summaryOf(record);
    const before = this.#last === undefined ? undefined : this.#segments.get(this.#last.segment.number);
    if (before !== undefined) before.syncedBytes = before.usedBytes;
    this.#last = record;
    const counts = this.#segments.get(record.segment.number);
    if (counts !== undefined) count(counts, summary);
    this.#options.onRecord?.(summary);
  }

  summary(scan: LogScan | undefined, damage: WalError | undefined): LogSummary {
    const tail = scan?.tail ?? this.#last?.tail;
    const hasEntries = tail !== undefined && tail.lastIndex >= tail.firstIndex;
    const torn = scan?.torn;
    return {
      logId: this.#logId,
      segments: [...this.#segments.values()].map((segment) => ({
        ...segment,
        state: this.#stateOf(segment.number, damage),
      })),
      spareFiles: this.#spares,
      indexes: hasEntries ? { from: tail.firstIndex, to: tail.lastIndex } : undefined,
      hardState: tail?.hardState,
      snapshot: tail?.snapshot,
      records: this.#records,
      isClosed: this.#last?.items.every(({ item }) => item.kind === "base") ?? false,
      tornTail: torn === undefined ? undefined : { file: torn.file, offset: torn.offset, bytes: torn.bytes },
      damage,
    };
  }

  #stateOf(number: number, damage: WalError | undefined): SegmentState {
    if (damage?.file !== undefined) {
      const file = segmentName(number);
      if (file === damage.file) return "damaged";
      // Names are of one length, so that they sort as their numbers do.
      if (file > damage.file) return "unread";
    }
    const current = this.#last?.segment.number ?? this.#segments.keys().next().value ?? number;
    if (number === current && damage === undefined) return "current";
    return number > current ? "prepared" : "full";
  }
}

function count(counts: Counts, record: RecordSummary): void {
  counts.records++;
  counts.hardStates += record.hardStates.length;
  counts.snapshotMarks += record.snapshots.length;
  counts.usedBytes = record.offset + record.bytes;
  for (const { from, to, firstTerm, lastTerm } of record.entries) {
    counts.entries += to - from + 1;
    counts.indexes = widened(counts.indexes, { from, to });
    counts.terms = widened(counts.terms, { from: firstTerm, to: lastTerm });
  }
}

function widened(range: IndexRange | undefined, { from, to }: IndexRange): IndexRange {
  if (range === undefined) return { from, to };
  return { from: Math.min(range.from, from), to: Math.max(range.to, to) };
}

function summaryOf({ segment, offset, bytes, header, items }: LogRecord): RecordSummary {
  const all = items.map(({ item }) => item);
  return {
    file: segmentName(segment.number),
    offset,
    bytes,
    sequence: header.sequence,
    hasBase: all.some(({ kind }) => kind === "base"),
    entries: all.flatMap((item) => {
      if (item.kind !== "entries") return [];
      const to = item.firstIndex + item.entries.length - 1;
      const [firstTerm = 0, lastTerm = firstTerm] = [item.entries[0]?.term, item.entries.at(-1)?.term];
      return [{ from: item.firstIndex, to, firstTerm, lastTerm }];
    }),
    hardStates: all.flatMap((item) => (item.kind === "hardState" ? [item.bytes] : [])),
    snapshots: all.flatMap((item) =>
      item.kind === "snapshot" ? [{ ...item.mark, installed: item.installed }] : [],
    ),
  };
}
