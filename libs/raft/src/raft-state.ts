import type { Role } from "./hard-state.ts";
import type { Lease } from "./lease.ts";
import type { RaftLog } from "./log/raft-log.ts";
import type { Message } from "./message.ts";
import type { LogIndex, NodeId, Term } from "./numbers.ts";
import type { ResolvedOptions } from "./options.ts";
import type { ReadQueue } from "./read-queue.ts";
import type { ProgressTracker } from "./tracker/progress-tracker.ts";

/** A read that may be served once the application has applied `index`. */
export interface ReadState {
  readonly index: LogIndex;
  /** What the reader gave to recognise its read. */
  readonly context: Uint8Array;
}

/** Everything one node knows (paper figure 2). Only the functions of this package change it. */
export interface RaftState {
  readonly id: NodeId;
  readonly options: ResolvedOptions;
  readonly log: RaftLog;
  /** The configuration *as applied*, with the leader's knowledge of each member. */
  readonly tracker: ProgressTracker;
  /**
   * The index as of which the configuration holds: of the last conf change applied, or of the snapshot that brought it. May
   * be ahead of `log.applied`: a snapshot's configuration is in force before its state is installed.
   */
  configurationIndex: LogIndex;

  role: Role;
  /** Never falls. */
  term: Term;
  /** Who got this node's vote in `term`. Invariant: changes from a node to another only together with `term`. */
  vote: NodeId;
  /** The leader of `term`, 0 when unknown. Invariant: own id exactly when `role` is leader. */
  leader: NodeId;

  /** Ticks since the last message of a leader, vote given, or (leader, candidate) election timeout. */
  electionElapsed: number;
  /** Leader: ticks since the last heartbeat. */
  heartbeatElapsed: number;
  /** In [electionTicks, 2 * electionTicks - 1]; drawn anew at each change of role but to pre-candidate. */
  randomizedElectionTicks: number;

  /** Leader: to whom leadership is being handed; no proposals are taken meanwhile. 0 when to nobody. */
  transferee: NodeId;
  /** Leader: how long lease-based reads need no confirmation. */
  lease: Lease;
  /**
   * Leader: index of the last conf change in the log, or a bound of it. The next change is taken when this is applied:
   * so at most one is unapplied at a time.
   */
  pendingConfIndex: LogIndex;
  /** Leader: payload bytes proposed in this term and not applied; an estimate from above 0. */
  uncommittedBytes: number;

  /** Leader: reads waiting for a quorum to confirm the leadership. */
  reads: ReadQueue;
  /** Leader: reads that came before an entry of this term was committed. At most `maxPendingReads`. */
  earlyReads: Message[];
  /** Reads to be served, for the next Ready. */
  readStates: ReadState[];

  /** To be sent with the next Ready, before or after it is stored. */
  messages: Message[];
  /** To be sent only once everything accepted so far is stored; those to this node itself included. */
  messagesAfterAppend: Message[];
}
