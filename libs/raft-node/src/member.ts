import type { ConfState, LogIndex, NodeId, Term } from "@trellis/raft";

/** A member of a cluster. The id is for ever; name and address are attributes. */
export interface Member {
  /** Positive, below 2^53, minted at random on an empty directory and never reused. */
  readonly id: NodeId;
  readonly name: string;
  /** `host:port` of its one port. */
  readonly address: string;
}

/**
 * What a cluster agrees on besides its state machines, as of an index; the head of every snapshot. Formation, restore and forced
 * recovery each begin with a snapshot of their own.
 */
export interface SnapshotHeader {
  /** Random; tells clusters apart, and the incarnations of one after a restore or a forced recovery. */
  readonly clusterId: string;
  readonly index: LogIndex;
  readonly term: Term;
  readonly confState: ConfState;
  /** Of all members of the configuration, ascending by id. */
  readonly members: readonly Member[];
  /** The commands that the log may hold up to here. */
  readonly featureLevel: number;
}
