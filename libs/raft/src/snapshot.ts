import type { LogIndex, NodeId, Term } from "./numbers.ts";

/** A configuration as it is stored in snapshots: plain lists, without what a node knows of the others' progress. */
export interface ConfState {
  /** The incoming majority; the only one outside a joint configuration. */
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** The outgoing majority of a joint configuration; empty outside one. */
  readonly votersOutgoing: readonly NodeId[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly NodeId[];
  /** True when the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

/** The configuration without members. */
export const emptyConfState: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** True for members of a configuration, of either half and of any kind. Those of `learnersNext` are outgoing voters. */
export function namesMember({ voters, votersOutgoing, learners }: ConfState, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}

/** What a snapshot replaces: the log up to and including `index`, whose entry had `term`. */
export interface SnapshotMetadata {
  readonly confState: ConfState;
  readonly index: LogIndex;
  readonly term: Term;
}

/** A state of the application at an index. The core never looks into `data`: it may hold the state or only say where it is. */
export interface Snapshot {
  readonly data: Uint8Array;
  readonly metadata: SnapshotMetadata;
}
