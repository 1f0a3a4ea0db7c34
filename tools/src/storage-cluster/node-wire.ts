import type { MembershipChange, NodeEvent, NodeStatus, RaftNodeOptions } from "@trellis/raft-node";
import type {
  CommitResult,
  Key,
  ListOptions,
  ListResult,
  Operation,
  Position,
  ReadOptions,
  ReadResult,
  TypeQuery,
  Version,
  WatchBatch,
  Session,
  SessionRequest,
  Submitted,
} from "@trellis/storage";
import type { StateHash } from "@trellis/storage-raft";

/** What a node is made of. */
export interface NodeSetup {
  readonly directory: string;
  readonly name: string;
  /** Of the loopback; 0 for any that is free. */
  readonly port: number;
  readonly options: RaftNodeOptions;
}

/** A first member of a cluster. */
export interface FirstMember {
  readonly name: string;
  readonly address: string;
}

/** What a node's process has used. */
export interface ProcessFigures {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Outside the heap: the buffers. */
  readonly externalBytes: number;
  /** User and system time so far. */
  readonly cpuUs: number;
  /** Resources in the store. */
  readonly resources: number;
}

/** What a node's process does when it is told to; each takes one argument. */
export interface NodeMethods {
  /** Opens the directory and the port; answers the port. First of all. */
  readonly listen: (setup: NodeSetup) => number;
  /** Forms a cluster of these, this node among them, or goes on as a member of the one it was formed into, and takes part. */
  readonly form: (members: readonly FirstMember[]) => NodeStatus;
  /** Becomes a newcomer to a cluster, and takes part. */
  readonly join: (clusterId: string) => NodeStatus;
  readonly status: (nothing: undefined) => NodeStatus;
  readonly figures: (nothing: undefined) => ProcessFigures;
  /** The longest that the event loop kept a timer waiting since this was asked last, in milliseconds. */
  readonly takeLoopDelay: (nothing: undefined) => number;
  readonly position: (nothing: undefined) => Position;
  readonly openSession: (id: string) => Session;
  readonly submit: (call: {
    readonly request: SessionRequest;
    readonly operations: readonly Operation[];
  }) => Submitted;
  readonly commit: (operations: readonly Operation[]) => CommitResult;
  readonly read: (call: { readonly key: Key; readonly options: ReadOptions }) => ReadResult;
  readonly list: (call: { readonly query: TypeQuery; readonly options: ListOptions }) => ListResult;
  readonly openWatch: (call: { readonly query: TypeQuery; readonly since: Version | undefined }) => number;
  readonly nextBatch: (watch: number) => WatchBatch | undefined;
  readonly closeWatch: (watch: number) => void;
  readonly hash: (nothing: undefined) => StateHash;
  readonly takeSnapshot: (nothing: undefined) => number;
  readonly changeMembership: (change: MembershipChange) => void;
  /** Keeps the event loop busy: for as long as a file is there, which it makes when it begins. */
  readonly stallLoop: (file: string) => void;
  /** Syncs wait from now on. */
  readonly holdDisk: (nothing: undefined) => void;
  readonly releaseDisk: (nothing: undefined) => void;
  /** Ends in good order; the process exits. */
  readonly stop: (nothing: undefined) => void;
}

export type MethodName = keyof NodeMethods;
export type ArgumentOf<Name extends MethodName> = Parameters<NodeMethods[Name]>[0];
export type AnswerOf<Name extends MethodName> = ReturnType<NodeMethods[Name]>;

/** One call to a node. */
export interface NodeCall {
  readonly id: number;
  readonly method: MethodName;
  readonly argument: unknown;
}

/** How a call failed. */
export interface CallFailure {
  readonly name: string;
  /** Of the errors of storage and of nodes. */
  readonly code: string | undefined;
  readonly message: string;
}

/** What a node says: in the order in which it happened. */
export type NodeReport =
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: CallFailure }
  | { readonly kind: "event"; readonly event: NodeEvent };
