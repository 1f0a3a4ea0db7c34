import { noBytes, type Entry } from "./entry.ts";
import { none, type LogIndex, type NodeId, type Term } from "./numbers.ts";
import type { Snapshot } from "./snapshot.ts";

/** Every message there is; the README has the table of who sends which, when, and what it carries. */
export const messageTypes = [
  "MsgHup",
  "MsgBeat",
  "MsgProp",
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgSnap",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgTransferLeader",
  "MsgTimeoutNow",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgPreVote",
  "MsgPreVoteResp",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
  "MsgForgetLeader",
] as const;

export type MessageType = (typeof messageTypes)[number];

/**
 * One message, to another node, to a local thread, or to this node itself. All have the same fields, so that engines see one
 * shape; a field that a type does not use has its empty value.
 */
export interface Message {
  readonly type: MessageType;
  readonly to: NodeId;
  readonly from: NodeId;
  /** The sender's term; 0 in messages outside terms (local ones, forwarded proposals and reads). */
  readonly term: Term;
  /** Term of the entry at `index`; in a rejected MsgAppResp the term at `rejectHint`, 0 when unknown. */
  readonly logTerm: Term;
  /** MsgApp: the entry before `entries`. MsgAppResp: the last entry matched, or the one refused. Votes: the last entry. */
  readonly index: LogIndex;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
  /** MsgStorageAppend only: the vote to be stored. */
  readonly vote: NodeId;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  /** In a rejected MsgAppResp: the highest index at which the two logs may still agree. */
  readonly rejectHint: LogIndex;
  /**
   * Heartbeats: which reads they confirm. Vote requests: `transferContext` when the leader itself asked for the election.
   * Refused votes: the last entry known to be committed.
   */
  readonly context: Uint8Array;
  /** To local threads: what to deliver once the work is done, in this order. */
  readonly responses: readonly Message[];
}

/** A message whose other fields are empty. */
export function message(fields: Partial<Message> & Pick<Message, "type">): Message {
  return {
    type: fields.type,
    to: fields.to ?? none,
    from: fields.from ?? none,
    term: fields.term ?? 0,
    logTerm: fields.logTerm ?? 0,
    index: fields.index ?? 0,
    entries: fields.entries ?? [],
    commit: fields.commit ?? 0,
    vote: fields.vote ?? none,
    snapshot: fields.snapshot,
    reject: fields.reject ?? false,
    rejectHint: fields.rejectHint ?? 0,
    context: fields.context ?? noBytes,
    responses: fields.responses ?? [],
  };
}

/** Marks the vote requests of a leadership transfer: they override leader stickiness, and are never sent twice. */
export const transferContext: Uint8Array = new TextEncoder().encode("transfer");

/** True for the vote requests of a leadership transfer. */
export function isTransferRequest({ context }: Message): boolean {
  return (
    context.length === transferContext.length && context.every((byte, at) => byte === transferContext[at])
  );
}

const localTypes: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgHup",
  "MsgBeat",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
]);

/** True for messages that a node gives to itself and must not take from the network. */
export function isLocalMessage(type: MessageType): boolean {
  return localTypes.has(type);
}

const responseTypes: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgAppResp",
  "MsgVoteResp",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgReadIndexResp",
  "MsgPreVoteResp",
  "MsgStorageAppendResp",
  "MsgStorageApplyResp",
]);

/** True for answers: from a node outside the configuration they mean nothing. */
export function isResponse(type: MessageType): boolean {
  return responseTypes.has(type);
}
