/** Sixteen digits, so that names sort as numbers do. */
const DIGITS = 16;
const SEGMENT = /^(\d{16})\.wal$/;
const SPARE = /^\d{16}\.spare$/;

/** A dropped segment that waits to be recycled, by the number that it had. */
export function spareName(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}.spare`;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}.wal`;
}

/** A segment that is being made: never part of the log, removed at the next start. */
export const UNFINISHED_SEGMENT = "unfinished.tmp";
/** The file that holds the room for the next snapshot. */
export const SNAPSHOT_ROOM = "snapshot.room";
/** The file whose lock is the lock of the directory. */
export const LOCK_FILE = "LOCK";

/** What the files of a directory are. Other files are not the log's, and stay untouched. */
export interface FoundFiles {
  /** Ascending. */
  readonly segments: readonly number[];
  readonly spares: readonly string[];
  readonly unfinished: boolean;
  readonly snapshotRoom: boolean;
}

export function classifyFiles(names: readonly string[]): FoundFiles {
  const segments = names.flatMap((name) => {
    const number = SEGMENT.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return {
    segments: segments.sort((a, b) => a - b),
    spares: names.filter((name) => SPARE.test(name)).sort(),
    unfinished: names.includes(UNFINISHED_SEGMENT),
    snapshotRoom: names.includes(SNAPSHOT_ROOM),
  };
}
