import type { Disk, DiskFile, DiskLock, WalClock } from "./disk.ts";
import { readFully, writeFully } from "./disk.ts";
import { isNoSpace, WalError } from "./errors.ts";
import { Extents } from "./extents.ts";
import {
  classifyFiles,
  type FoundFiles,
  segmentName,
  SNAPSHOT_ROOM,
  UNFINISHED_SEGMENT,
} from "./file-names.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import { largestRecordBytes, type WalLimits, walLimits } from "./limits.ts";
import { OpenLog } from "./open-log.ts";
import { readIdentities, scanLog, type LogScan, type TornTail } from "./scan-log.ts";
import { SECTOR_BYTES, SECTOR_CONTENT_BYTES } from "./sector.ts";
import { LOG_ID_BYTES, makeSegmentHeader, randomBytes, type SegmentIdentity } from "./segment-header.ts";
import { SegmentShelf } from "./segment-shelf.ts";
import { SnapshotRoom } from "./snapshot-room.ts";
import type { Wal, WalState } from "./wal.ts";
import { writeZeros } from "./write-zeros.ts";

/** What a log works with. */
export interface WalDeps {
  readonly disk: Disk;
  readonly clock: WalClock;
  /** Numbers from 0 to before 1. */
  readonly random: () => number;
}

export interface WalOptions {
  readonly limits?: Partial<WalLimits>;
  /** Whether an empty directory becomes a new log (the default), or is refused with `not-found`. */
  readonly create?: boolean;
  /** Told of every change of the state, after it. */
  readonly onState?: (state: WalState) => void;
}

/**
 * Opens the log in a directory: takes the lock, reads and checks everything, takes away the end of an interrupted write, makes durable what it
 * found, and reserves space. Rejects with `locked`, `not-found`, `damaged`, `unsupported-format`, `no-space` (a new log only), `invalid` or
 * `io`, and then has changed nothing but files that are not part of the log.
 */
export async function openWal(deps: WalDeps, options: WalOptions = {}): Promise<Wal> {
  const limits = walLimits(options.limits);
  let lock: DiskLock | undefined;
  try {
    lock = await deps.disk.lock();
    const log = await openLocked(deps, lock, { ...options, limits });
    await log.start();
    if (log.failure !== undefined) {
      await log.close();
      throw log.failure.cause;
    }
    return log;
  } catch (error) {
    await lock?.release();
    throw WalError.is(error) ? error : openingFailed(deps.disk, error);
  }
}

type CheckedOptions = WalOptions & { readonly limits: WalLimits };

async function openLocked(deps: WalDeps, lock: DiskLock, options: CheckedOptions): Promise<OpenLog> {
  const { disk, clock, random } = deps;
  const { limits, onState } = options;
  const found = classifyFiles(await disk.list());
  const known = await readIdentities(disk, found);
  if (found.unfinished) await disk.unlink(UNFINISHED_SEGMENT);
  const identities = known.length > 0 ? known : [await createFirst(deps, options)];
  const { scan, extents, isSealed } = await readLog(disk, identities);
  checkHardState(scan.tail.hardState, limits);
  const { number } = scan.lastSegment;
  const roomBytes = found.snapshotRoom ? await sizeOf(disk, SNAPSHOT_ROOM) : 0;
  const spares = await usableSpares(disk, found, limits);
  if (scan.torn !== undefined) await eraseTornTail(disk, scan.torn);
  const ahead = await usableAhead(
    disk,
    identities.filter((identity) => identity.number > number),
    limits,
  );
  const sealed = identities.filter((identity) => identity.number < number);
  const active = await openActive(disk, scan);
  const shelf = new SegmentShelf({ disk, limits, random }, { sealed, active, ahead, spares });
  const { tail, link } = scan;
  return new OpenLog({
    disk,
    lock,
    clock,
    limits,
    onState,
    shelf,
    room: new SnapshotRoom(disk, roomBytes),
    extents,
    tail,
    link,
    isSealed,
    tornTail: scan.torn === undefined ? undefined : withoutSegment(scan.torn),
  });
}

async function readLog(
  disk: Disk,
  identities: readonly SegmentIdentity[],
): Promise<{ readonly scan: LogScan; readonly extents: Extents; readonly isSealed: boolean }> {
  const extents = new Extents();
  let isSealed = true;
  const records = scanLog(disk, identities);
  for (;;) {
    const step = await records.next();
    if (step.done === true) return { scan: step.value, extents, isSealed };
    const { segment, offset, header, items } = step.value;
    const place = { segment: segment.number, offset, length: header.length };
    for (const placed of items) extents.apply(placed.item, placed.offset, place);
    isSealed = items.every(({ item }) => item.kind === "base");
  }
}

/**
 * Opens the segment that goes on. Its last record may be in the system's memory only: the process may have died before its sync, or on a sync that
 * failed, after which the system holds what it could not write for written. So it is written again, as it is, and synced, before anybody is told
 * of it. Those before it are durable, or it would not be there.
 */
async function openActive(
  disk: Disk,
  scan: LogScan,
): Promise<{ identity: SegmentIdentity; file: DiskFile; end: number }> {
  const { lastSegment, lastOffset, endOffset } = scan;
  await disk.syncDirectory();
  const file = await disk.open(segmentName(lastSegment.number), "write");
  try {
    await writeFully(file, await readFully(file, lastOffset, endOffset - lastOffset), lastOffset);
    await file.sync();
  } catch (error) {
    await file.close();
    throw error;
  }
  return { identity: lastSegment, file, end: endOffset };
}

/**
 * Takes the stamps off the sectors of an interrupted write, so that none of them is taken for a part of what is written next. The rest of each
 * sector stays as it is: interrupted at whatever byte, this leaves sectors that are whole or without their stamp.
 */
async function eraseTornTail(disk: Disk, { file: name, offset, bytes }: TornTail): Promise<void> {
  const file = await disk.open(name, "write");
  try {
    const sectors = await readFully(file, offset, bytes);
    for (let sector = 0; sector < sectors.length; sector += SECTOR_BYTES) {
      sectors.writeUInt32LE(0, sector + SECTOR_CONTENT_BYTES);
    }
    await writeFully(file, sectors, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}

function withoutSegment({ file, offset, bytes }: TornTail): TornTail {
  return { file, offset, bytes };
}

async function createFirst(
  { disk, random }: WalDeps,
  { create = true, limits }: CheckedOptions,
): Promise<SegmentIdentity> {
  if (!create) {
    throw new WalError(
      "not-found",
      `${disk.description} holds no log; check the path, or let the log be created`,
    );
  }
  const place = { logId: randomBytes(LOG_ID_BYTES, random), number: 1, bytes: limits.segmentBytes };
  const { identity, block } = makeSegmentHeader(place, random);
  try {
    const file = await disk.open(UNFINISHED_SEGMENT, "create");
    try {
      await writeZeros(file, { from: HEADER_BLOCK_BYTES, to: place.bytes });
      await writeFully(file, block, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await disk.unlink(UNFINISHED_SEGMENT).catch(() => undefined);
    throw error;
  }
  await disk.rename(UNFINISHED_SEGMENT, segmentName(1));
  await disk.syncDirectory();
  return identity;
}

/** The first record of every segment states the hard state, so that one beyond the bounds may leave no room for what is appended. */
function checkHardState(hardState: Uint8Array | undefined, { hardStateBytes }: WalLimits): void {
  const bytes = hardState?.length ?? 0;
  if (bytes <= hardStateBytes) return;
  throw new WalError(
    "invalid",
    `the log's hard state has ${bytes} bytes, hardStateBytes allows ${hardStateBytes}; raise the limit to what it was`,
  );
}

/**
 * The prepared segments up to the first one that is too small for the largest record, as one is that was made under smaller bounds. It and those
 * behind it are deleted, the last one first and each durably before the next, so that a crash leaves no gap.
 */
async function usableAhead(
  disk: Disk,
  ahead: readonly SegmentIdentity[],
  limits: WalLimits,
): Promise<readonly SegmentIdentity[]> {
  const needed = HEADER_BLOCK_BYTES + largestRecordBytes(limits);
  const tooSmall = ahead.findIndex(({ bytes }) => bytes < needed);
  if (tooSmall < 0) return ahead;
  for (const { number } of ahead.slice(tooSmall).toReversed()) {
    await disk.unlink(segmentName(number));
    await disk.syncDirectory();
  }
  return ahead.slice(0, tooSmall);
}

/** Spares of the right size, up to the limit; the others are deleted. */
async function usableSpares(
  disk: Disk,
  { spares }: FoundFiles,
  limits: WalLimits,
): Promise<readonly string[]> {
  const usable: string[] = [];
  for (const spare of spares) {
    const fits = usable.length < limits.spareSegments && (await sizeOf(disk, spare)) === limits.segmentBytes;
    if (fits) usable.push(spare);
    else await disk.unlink(spare);
  }
  return usable;
}

async function sizeOf(disk: Disk, name: string): Promise<number> {
  const file = await disk.open(name, "read");
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}

function openingFailed(disk: Disk, cause: unknown): WalError {
  const found = cause instanceof Error ? cause.message : String(cause);
  if (isNoSpace(cause)) {
    return new WalError(
      "no-space",
      `there is no space for a log in ${disk.description}: ${found}. Free some, then start again`,
      {
        cause,
      },
    );
  }
  return new WalError(
    "io",
    `the disk failed while the log in ${disk.description} was opened: ${found}. Look at the disk, then start again`,
    {
      cause,
    },
  );
}
