export type { Disk, DiskFile, DiskLock, WalClock } from "./disk.ts";
export type { Append, Entry, SnapshotMark } from "./entry.ts";
export { WalError, type WalErrorCode, type WalErrorDetails } from "./errors.ts";
export {
  type IndexRange,
  type InspectOptions,
  inspectWal,
  type LogSummary,
  type RecordSummary,
  type SegmentState,
  type SegmentSummary,
} from "./inspect.ts";
export { DEFAULT_LIMITS, type WalLimits } from "./limits.ts";
export { openNodeDisk } from "./node-disk.ts";
export { openWal, type WalDeps, type WalOptions } from "./open-wal.ts";
export type { TornTail } from "./scan-log.ts";
export type { Wal, WalFigures, WalState } from "./wal.ts";
