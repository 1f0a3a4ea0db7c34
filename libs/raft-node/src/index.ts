export { RaftNodeError, type RaftNodeErrorCode } from "./errors.ts";
export type { Member, SnapshotHeader } from "./member.ts";
export type { Announcement, IncomingSnapshot, OutgoingSnapshot, PeerNetwork, PeerReceiver } from "./peers.ts";
export type { DataDirectory, NodeClock, Random } from "./ports.ts";
export type {
  Applied,
  CallOptions,
  MembershipChange,
  MemberStatus,
  NodeStatus,
  RaftNode,
} from "./raft-node.ts";
export {
  MAX_SNAPSHOT_CHUNK_BYTES,
  type PreparedState,
  type StateCapture,
  type StateMachine,
} from "./state-machine.ts";
