export { createRaftCore, type RaftCore } from "./raft-core.ts";
export type { RaftOptions, ReadOnlyOption } from "./options.ts";
export type { Ready } from "./ready.ts";
export type { ReadState } from "./raft-state.ts";
export type { Status } from "./status.ts";
export { RaftError, type RaftErrorCode } from "./errors.ts";
export { InvariantViolation } from "./invariant.ts";
export {
  appendThread,
  applyThread,
  isLocalThread,
  none,
  type LogIndex,
  type NodeId,
  type Term,
} from "./numbers.ts";
export { entrySize, type Entry, type EntryId, type EntryType, type Proposal } from "./entry.ts";
export { emptyHardState, isEmptyHardState, type HardState, type Role, type SoftState } from "./hard-state.ts";
export {
  isLocalMessage,
  isResponse,
  isTransferRequest,
  message,
  messageTypes,
  type Message,
  type MessageType,
} from "./message.ts";
export { emptyConfState, type ConfState, type Snapshot, type SnapshotMetadata } from "./snapshot.ts";
export { type Storage, unread } from "./log/storage.ts";
export { MemoryStorage } from "./log/memory-storage.ts";
export {
  asV2,
  confChange,
  confChangeV1,
  type ConfChange,
  type ConfChangeStep,
  type ConfChangeTransition,
  type ConfChangeType,
  type ConfChangeV1,
  type ConfChangeV2,
} from "./confchange/conf-change.ts";
export { decodeConfChange, encodeConfChange } from "./confchange/encoding.ts";
export { describeSteps, parseSteps } from "./confchange/notation.ts";
export { confStatesEqual } from "./confchange/conf-states-equal.ts";
export { describeConfiguration, type Configuration } from "./tracker/configuration.ts";
export { isVoter, type JointQuorum } from "./quorum/joint.ts";
export type { Progress, ProgressState } from "./tracker/progress.ts";
