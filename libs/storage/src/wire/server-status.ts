import type { Position } from "../backend.ts";

/** Where a member of a cluster is reached. */
export interface ServerAddress {
  readonly nodeId: number;
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
}

/** What a server of the storage service says of itself: when a stream begins, whenever it changes, and at least twice a second. */
export interface ServerStatus {
  readonly role: "node" | "forwarder";
  readonly clusterId: string;
  /** 0 for a forwarder. */
  readonly nodeId: number;
  readonly name: string;
  /** How far it shows the store; undefined while it has none to show. */
  readonly position: Position | undefined;
  readonly term: number;
  /** Who leads, as far as it knows; undefined for nobody. */
  readonly leaderId: number | undefined;
  /** Commits, strong reads and sessions are taken here: it leads, or it is a forwarder that knows a leader. */
  readonly takesCommits: boolean;
  /** How long it has known of no leader, in milliseconds; 0 while it knows one. */
  readonly leaderlessMs: number;
  /** It is about to stop: open nothing new here. */
  readonly isStopping: boolean;
  /** Who belongs to the cluster, where a client may go by itself. Empty for a forwarder. */
  readonly members: readonly ServerAddress[];
}

/** Where a server's status is read, and who tells of its changes. */
export interface StatusSource {
  status(): ServerStatus;
  /** Told after every change that a client should hear of at once (leader, role, stopping, members); the answer ends that. */
  onChange(listener: () => void): () => void;
}
