import type { LogIndex, Message, NodeId } from "@trellis/raft";

import type { Member, SnapshotHeader } from "./member.ts";

/** What every member tells the others about itself, with every batch of messages. */
export interface Announcement {
  /** The highest feature level that it supports. */
  readonly featureLevel: number;
  /** False while it has no room on disk for entries: it should not lead. */
  readonly hasSpace: boolean;
  /** How far it has applied the log. */
  readonly applied: LogIndex;
}

/** A snapshot on its way to a member. */
export interface OutgoingSnapshot {
  /** The core's message, to be handed to the receiver's core once the snapshot is durable there. */
  readonly message: Message;
  readonly header: SnapshotHeader;
  /** Of the file, to be sent as it is. */
  readonly bytes: number;
  /** The file's bytes in order. Iterated once at most. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A snapshot that comes in. */
export interface IncomingSnapshot {
  readonly message: Message;
  readonly bytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The node, as its network sees it. */
export interface PeerReceiver {
  /** Messages of a member, in the order in which it sent them. */
  receive(from: NodeId, messages: readonly Message[], announcement: Announcement): void;
  /** Takes in a snapshot; resolves when it is durable. Rejects when it cannot be taken; the sender tries again later. */
  receiveSnapshot(from: NodeId, snapshot: IncomingSnapshot): Promise<void>;
  /** Messages to a member were lost: its queue was full, or it cannot be reached. */
  lost(to: NodeId): void;
}

/**
 * The network between the members of one cluster. It may lose, repeat, delay and reorder; it does not change what it delivers, and
 * delivers only what members of the same cluster (id and incarnation) sent to this very node.
 */
export interface PeerNetwork {
  /** From now on the receiver is told what comes in. */
  start(receiver: PeerReceiver): void;
  /** Whom there is to talk to, this node left out. Connections to others end. */
  setMembers(members: readonly Member[]): void;
  /**
   * Sends messages, without waiting: votes and heartbeats on one stream, appends on another, so that those never wait behind these. At most
   * one call per member and turn of the event loop. What does not fit into the bounded queue is dropped and reported as lost, in a later turn.
   */
  send(to: NodeId, messages: readonly Message[], announcement: Announcement): void;
  /** Sends a snapshot. Resolves when it is durable at the receiver; rejects when it is not, at the latest when the signal says so. */
  sendSnapshot(to: NodeId, snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void>;
  /** Ends all connections. */
  stop(): Promise<void>;
}
