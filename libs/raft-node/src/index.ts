export {
  createFormation,
  formCluster,
  joinCluster,
  RECOVERY_JUMP,
  restoreCluster,
  type RestoredState,
} from "./begin-cluster.ts";
export { createRaftNode, type RaftNodeConfig, type RaftNodeDeps } from "./create-raft-node.ts";
export { RaftNodeError, type RaftNodeErrorCode } from "./errors.ts";
export type { NodeEvent } from "./events.ts";
export { ensureIdentity, type Formation, hasLostIdentity, type Identity, readIdentity } from "./identity.ts";
export type { Member, SnapshotHeader } from "./member.ts";
export type { Announcement, IncomingSnapshot, OutgoingSnapshot, PeerNetwork, PeerReceiver } from "./peers.ts";
export { type RaftNodeOptions, snapshotDue } from "./options.ts";
export type { DataDirectory, NodeClock, Random } from "./ports.ts";
export type {
  Applied,
  CallOptions,
  MembershipChange,
  MemberStatus,
  NodeStatus,
  OpenSnapshot,
  ProposeOptions,
  RaftNode,
} from "./raft-node.ts";
export {
  MAX_SNAPSHOT_CHUNK_BYTES,
  type PreparedState,
  type StateCapture,
  type StateMachine,
} from "./state-machine.ts";
export {
  type CheckedSnapshot,
  type SnapshotFile,
  SnapshotStore,
  type StateChunk,
} from "./snapshots/snapshot-store.ts";
export {
  type ConnectPeers,
  type ConnectPeersConfig,
  type ConnectPeersDeps,
  connectTo,
  createConnectPeers,
} from "./connect-peers/connect-peers.ts";
export { awaitMembers, type AwaitMembersDeps } from "./connect-peers/await-members.ts";
export { EncodedPeerService } from "./connect-peers/encoded-service.ts";
export { formationRoutes } from "./connect-peers/formation-routes.ts";
export {
  awaitInitialCluster,
  type InitialClusterConfig,
  type InitialClusterDeps,
} from "./connect-peers/initial-cluster.ts";
export type { PeerConnection } from "./connect-peers/peer-link.ts";
export { readSnapshot, type SnapshotReading } from "./snapshots/read-snapshot.ts";
export { openDataDirectory } from "./data-directory.ts";
export { isMajority, SILENT_MS, votersWithout } from "./live-voters.ts";
export {
  type MembershipKeeperConfig,
  type MembershipKeeperDeps,
  startMembershipKeeper,
} from "./membership-keeper.ts";
export { replayDirectory, type ReplayDeps, type ReplayedDirectory } from "./replay-directory.ts";
