export * from "./backend.ts";
export { CallEnding, type CallSignal, type EndedBy } from "./call-signal.ts";
export { checkCommit, checkOperations } from "./check-commit.ts";
export { keyText } from "./check-key.ts";
export { isStorageErrorCode, StorageError, type StorageErrorCode } from "./errors.ts";
export { type Key, TextKey, WILDCARD, keyEquals, keyString } from "./key.ts";
export {
  type CommitResult,
  MAX_COMMIT_BYTES,
  MAX_COMMIT_OPERATIONS,
  type Operation,
  type Precondition,
} from "./operation.ts";
export { readNowOrWait } from "./read-now.ts";
export { type OwnerRef, type RecordInit, type StoredRecord, type Version, toVersion } from "./record.ts";
export { REPLICATED } from "./replicated.ts";
export { StandingCheck } from "./standing-check.ts";
export type { CommitBatch, CommitTaker, StoredEvent, Watch, WatchBatch, WatchSleeper } from "./watch.ts";
export { watchIterator } from "./watch-iterator.ts";
export {
  type AppliedCommit,
  type RefusedCommit,
  type Session,
  type SessionedCommits,
  type SessionRequest,
  type Submitted,
  type SubmitOptions,
  toCommitResult,
  type UnknownOutcome,
} from "./sessions.ts";
