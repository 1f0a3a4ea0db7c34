export { type DataDirectory, openDataDirectory } from "@trellis/raft-node";

export { connectTo } from "./connect-to.ts";
export { type SilentSession, STORAGE_KIND } from "./command.ts";
export { encodeCommand } from "./command-codec.ts";
export type { CommitAnswer } from "./commit-answer.ts";
export {
  createRaftBackend,
  type RaftBackend,
  type RaftBackendDeps,
  type StorageNode,
} from "./raft-backend.ts";
export { EXPIRY_CHECK_MS, SESSION_SILENCE_MS } from "./session-expiry.ts";
export { MAX_SESSION_ID_LENGTH, MAX_SESSIONS, MAX_UNANSWERED } from "./sessions.ts";
export { emptyContent, storeIdOf, withNewStore } from "./snapshot/first-content.ts";
export type { NextTurn } from "./snapshot/slices.ts";
export { type CommandAnswer, StorageMachine, type StorageMachineDeps } from "./storage-machine.ts";
export { clusterService } from "./cluster-service/cluster-service.ts";
export { type DelayHistogram, type LoopDelay, recentLoopDelay } from "./cluster-service/loop-delay.ts";
export type { ClusterServiceDeps, OperatedReplica } from "./cluster-service/operated-node.ts";
export {
  firstChunks,
  type LocalStore,
  type LocalStoreConfig,
  type LocalStoreDeps,
  type LocalStoreEvent,
  openLocalStore,
} from "./open-local-store.ts";
export { type RestoredStore, restoreStore, type SnapshotSummary, verifySnapshot } from "./restore-store.ts";
export {
  FEATURE_LEVEL,
  type Replica,
  type ReplicaConfig,
  type ReplicaDeps,
  startReplica,
} from "./start-replica.ts";
export type { ExpectedMark, StateHash } from "./state-marks.ts";
export {
  recoverStore,
  type RecoverableStore,
  type RecoverDeps,
  type RecoverOptions,
} from "./recover-store.ts";
export { type DirectoryFailure, directoryRefusal } from "./directory-refusal.ts";
export type { ClusterEntry } from "./storage-node/cluster-entry.ts";
export { type NodeStatusDeps, NodeStatusSource } from "./storage-node/node-status.ts";
export {
  createStorageNode,
  type StorageNodeConfig,
  type StorageNodeDeps,
  type StorageNodeEvent,
  type StorageNodePart,
} from "./storage-node/storage-node.ts";
