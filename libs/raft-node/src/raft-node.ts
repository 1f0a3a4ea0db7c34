import type { LogIndex, NodeId, Role, Term } from "@trellis/raft";

import type { Member, SnapshotHeader } from "./member.ts";
import type { RaftNodeError } from "./errors.ts";

/** What became of a proposed entry. */
export interface Applied {
  /** Where it stands in the log. */
  readonly index: LogIndex;
  /** What its state machine answered. */
  readonly result: unknown;
}

/** Options that calls share. */
export interface CallOptions {
  /** Ends the wait: a proposal is then `outcome-unknown`, with the next tick, unless it was not taken yet (`aborted`); a read `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** How an entry is proposed. */
export interface ProposeOptions {
  /** As of other calls; it is only looked at, when the proposal is taken and with each tick. */
  readonly signal?: Pick<AbortSignal, "aborted"> | undefined;
  /**
   * What the entry's state machine reads from its bytes, equal to it in every respect and shared with nobody who changes it. It spares this node to
   * read the entry again: the machine is given it with the entry, as long as the proposal waits here and this node leads.
   */
  readonly command?: unknown;
}

/** A change of who belongs to a cluster: one member at a time. */
export type MembershipChange =
  | { readonly kind: "add-learner"; readonly member: Member }
  /** A learner becomes a voter. Refused (`invalid`) while it lags. */
  | { readonly kind: "promote"; readonly id: NodeId }
  | { readonly kind: "remove"; readonly id: NodeId }
  | { readonly kind: "update"; readonly member: Member };

/** A member as this node sees it. */
export interface MemberStatus extends Member {
  readonly voter: boolean;
  /** What the leader knows of it to be durable there; undefined on others. */
  readonly matched: LogIndex | undefined;
  /** What it last said of itself; undefined for one that was never heard. */
  readonly applied: LogIndex | undefined;
  readonly hasSpace: boolean | undefined;
  /** Milliseconds since it was last heard; 0 for this node. */
  readonly silentMs: number | undefined;
}

/** A node seen from outside, at one moment. */
export interface NodeStatus {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly role: Role | "learner" | "stopped";
  readonly term: Term;
  /** Who leads, as far as this node knows; undefined when it knows of nobody. */
  readonly leader: NodeId | undefined;
  readonly committed: LogIndex;
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** The newest durable snapshot. */
  readonly snapshotIndex: LogIndex;
  readonly featureLevel: number;
  readonly hasSpace: boolean;
  readonly members: readonly MemberStatus[];
  /** How long the oldest write of the log has been waiting for the disk. */
  readonly oldestWriteMs: number;
  /** Proposals that wait for their answer. */
  readonly pendingProposals: number;
}

/** A snapshot to be read. */
export interface OpenSnapshot {
  readonly header: SnapshotHeader;
  /** Of the file. */
  readonly bytes: number;
  /** The file's bytes in order. Iterated once at most. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** One replica of a replicated log, with the state machines that it drives. */
export interface RaftNode {
  readonly id: NodeId;
  readonly clusterId: string;
  status(): NodeStatus;
  /**
   * Proposes an entry, whose first byte says whose it is; on the leader only. Resolves when it was applied here. The bytes belong to the
   * log from now on. Rejects with `not-leader`, `busy`, `no-space`, `too-large`, `invalid`, `stopping`, `stopped`, `aborted`: not applied;
   * `outcome-unknown`.
   */
  propose(entry: Uint8Array, options?: ProposeOptions): Promise<Applied>;
  /**
   * Resolves when this node shows everything that was committed anywhere before the call: then what it shows is linearizable. Reads of one
   * turn are confirmed together (ReadIndex). On any member. Rejects with `unavailable`, `aborted`, `stopping`, `stopped`.
   */
  confirmRead(options?: CallOptions): Promise<LogIndex>;
  /**
   * Whether this node is known, with nobody to be asked, to show everything that was committed anywhere: it is the only voter and leads, and has applied what is committed. Then what it shows
   * now is linearizable.
   */
  isCurrent(): boolean;
  /** Resolves when the change is in force; on the leader only. Rejects as `propose`, and with `invalid`. */
  changeMembership(change: MembershipChange, options?: CallOptions): Promise<void>;
  /** Hands leadership to a voter, the most advanced one unless named. Resolves when this node no longer leads. */
  transferLeadership(to?: NodeId, options?: CallOptions): Promise<void>;
  /** Makes a snapshot of what is applied now, unless there is one. Resolves with its index once it is durable. Rejects with `no-space`. */
  takeSnapshot(): Promise<LogIndex>;
  /** The newest snapshot, made now when it is not of now: its header, and the bytes of its file, which stay readable until they are read. Rejects with `no-space`. */
  openSnapshot(): Promise<OpenSnapshot>;
  /** Told of every change of leader, role, space and membership, after it; the answer ends that. */
  onChange(listener: () => void): () => void;
  /** Resolves when the node is over: with an error when it had to stop, without when `stop` was called. */
  readonly stopped: Promise<RaftNodeError | undefined>;
  /** Hands leadership over when it can, finishes what is under way, and closes everything. */
  stop(): Promise<void>;
}
