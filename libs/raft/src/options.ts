import { RaftError } from "./errors.ts";
import type { LogIndex, NodeId } from "./numbers.ts";
import type { Storage } from "./log/storage.ts";

/** How a node takes part. What is left out has the default named beside it. */
export interface RaftOptions {
  /** This node's id: positive, never used before by another node. */
  readonly id: NodeId;
  /** What this node stored before. */
  readonly storage: Storage;
  /** Ticks without a leader's message until a follower asks for an election: at least this, less than twice this. */
  readonly electionTicks: number;
  /** Ticks between heartbeats; less than `electionTicks`, a tenth is usual. */
  readonly heartbeatTicks: number;
  /** A random integer in [0, below). Two nodes must not draw the same sequence, or they will split votes for ever. */
  readonly random: (below: number) => number;
  /**
   * The last index the application has applied: that of the state it restarts with. Must be given when the storage keeps
   * entries before its snapshot. Default: the index before the first entry.
   */
  readonly applied?: LogIndex;
  /** Ready hands work to two local threads instead of being processed in place. Default: false. */
  readonly asyncStorageWrites?: boolean;
  /** Bytes of entries in one append; a single larger entry still travels. Default: no limit. */
  readonly maxMessageBytes?: number;
  /** Bytes of entries with the application at a time; a single larger entry still goes. Default: `maxMessageBytes`. */
  readonly maxCommittedBytesPerReady?: number;
  /** Payload bytes of the leader's uncommitted tail; more proposals are dropped. Default: no limit. */
  readonly maxUncommittedBytes?: number;
  /** Appends in flight to one follower. Default: 256. */
  readonly maxInflightMessages?: number;
  /** Payload bytes in flight to one follower, looked at before each message. Default: no limit. */
  readonly maxInflightBytes?: number;
  /** Reads that may wait for confirmation; more are dropped. Default: 10,000. */
  readonly maxPendingReads?: number;
  /** A leader that does not hear from a quorum steps down; a follower with a leader refuses votes. Default: true. */
  readonly checkQuorum?: boolean;
  /** An election is asked for before it is held (thesis §9.6). Default: true. */
  readonly preVote?: boolean;
  /**
   * `safe`: each read is confirmed by a quorum. `lease-based`: the leader trusts its lease, and so the clocks of all members
   * to run at about the same rate; needs `checkQuorum`. Default: `safe`.
   */
  readonly readOnly?: ReadOnlyOption;
  /** A follower drops proposals instead of forwarding them to the leader. Default: false. */
  readonly disableProposalForwarding?: boolean;
  /** Conf changes enter the log unchecked; for applications that check them themselves. Default: false. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that is removed or demoted becomes a follower when it applies that. Default: false. */
  readonly stepDownOnRemoval?: boolean;
}

export type ReadOnlyOption = "safe" | "lease-based";

/** The options with nothing left out. `applied` 0 stands for the snapshot's index. */
export type ResolvedOptions = Required<RaftOptions>;

/** Fills in the defaults. Errors: `invalid-options`. */
export function resolveOptions(options: RaftOptions): ResolvedOptions {
  const maxMessageBytes = options.maxMessageBytes ?? Number.POSITIVE_INFINITY;
  const resolved: ResolvedOptions = {
    applied: 0,
    asyncStorageWrites: false,
    maxMessageBytes,
    maxCommittedBytesPerReady: maxMessageBytes,
    maxUncommittedBytes: Number.POSITIVE_INFINITY,
    maxInflightMessages: 256,
    maxInflightBytes: Number.POSITIVE_INFINITY,
    maxPendingReads: 10_000,
    checkQuorum: true,
    preVote: true,
    readOnly: "safe",
    disableProposalForwarding: false,
    disableConfChangeValidation: false,
    stepDownOnRemoval: false,
    ...options,
  };
  const problem = problemOf(resolved);
  if (problem !== undefined) throw new RaftError("invalid-options", problem);
  return resolved;
}

function problemOf(options: ResolvedOptions): string | undefined {
  const { id, electionTicks, heartbeatTicks } = options;
  if (!Number.isSafeInteger(id) || id <= 0) return `expected id to be a positive safe integer, found ${id}`;
  if (!Number.isSafeInteger(heartbeatTicks) || heartbeatTicks <= 0) {
    return `expected heartbeatTicks to be at least 1, found ${heartbeatTicks}`;
  }
  if (!Number.isSafeInteger(electionTicks) || electionTicks <= heartbeatTicks) {
    return `expected electionTicks to be more than heartbeatTicks (${heartbeatTicks}), found ${electionTicks}`;
  }
  const limits = [
    "maxCommittedBytesPerReady",
    "maxUncommittedBytes",
    "maxInflightMessages",
    "maxInflightBytes",
    "maxPendingReads",
  ] as const;
  for (const name of limits) {
    if (!(options[name] > 0)) return `expected ${name} to be at least 1, found ${options[name]}`;
  }
  // 0 is one entry per append.
  if (!(options.maxMessageBytes >= 0)) return `expected maxMessageBytes not to be negative`;
  if (
    options.maxInflightBytes < options.maxMessageBytes &&
    options.maxMessageBytes !== Number.POSITIVE_INFINITY
  ) {
    return `expected maxInflightBytes to hold a message (maxMessageBytes ${options.maxMessageBytes}), found ${options.maxInflightBytes}`;
  }
  if (options.readOnly === "lease-based" && !options.checkQuorum) {
    return `expected checkQuorum with lease-based reads: without it a deposed leader keeps its lease`;
  }
  return undefined;
}
