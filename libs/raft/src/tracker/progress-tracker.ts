import { ascending, type LogIndex, type NodeId } from "../numbers.ts";
import { jointCommittedIndex, jointVoteResult } from "../quorum/joint.ts";
import type { VoteResult } from "../quorum/vote-result.ts";
import { emptyConfiguration, type Configuration } from "./configuration.ts";
import { Inflights } from "./inflights.ts";
import type { Progress } from "./progress.ts";

/** How far appends to one follower may run ahead of its answers. */
export interface WindowLimits {
  readonly maxMessages: number;
  /** Payload bytes; 0 for no limit. */
  readonly maxBytes: number;
}

/** The count of an election. Votes of nodes that are no voters (any more) are not in the numbers. */
export interface Tally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/** The configuration with what is known of its members: their logs, their votes. */
export class ProgressTracker {
  readonly limits: WindowLimits;
  configuration: Configuration = emptyConfiguration;
  /** Invariant: exactly the members of `configuration`, ascending by id. */
  #progress: ReadonlyMap<NodeId, Progress> = new Map<NodeId, Progress>();
  /** Answers of the election under way. The first answer of a node counts. */
  readonly #votes = new Map<NodeId, boolean>();

  constructor(limits: WindowLimits) {
    this.limits = limits;
  }

  newInflights(): Inflights {
    return new Inflights(this.limits.maxMessages, this.limits.maxBytes);
  }

  /** All members, ascending by id. */
  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress;
  }

  /** Replaces configuration and progress together. */
  switchTo(configuration: Configuration, progress: ReadonlyMap<NodeId, Progress>): void {
    this.configuration = configuration;
    this.#progress = new Map([...progress].sort(([a], [b]) => ascending(a, b)));
  }

  /** Puts another progress in the place of each member's. */
  resetProgress(renew: (id: NodeId, old: Progress) => Progress): void {
    const renewed = new Map<NodeId, Progress>();
    for (const [id, old] of this.#progress) renewed.set(id, renew(id, old));
    this.#progress = renewed;
  }

  get(id: NodeId): Progress | undefined {
    return this.#progress.get(id);
  }

  /** True when a single voter decides everything. */
  get isSingleton(): boolean {
    const { incoming, outgoing } = this.configuration.voters;
    return incoming.size === 1 && outgoing.size === 0;
  }

  /** The highest index that is durable on a quorum. */
  get committedIndex(): LogIndex {
    return jointCommittedIndex(this.configuration.voters, (id) => this.#progress.get(id)?.match);
  }

  /** True when a quorum of voters was heard from since the last check. */
  get isQuorumActive(): boolean {
    const active = new Map<NodeId, boolean>();
    for (const [id, { isLearner, recentActive }] of this.#progress) {
      if (!isLearner) active.set(id, recentActive);
    }
    return jointVoteResult(this.configuration.voters, active) === "won";
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  recordVote(id: NodeId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  tallyVotes(): Tally {
    let granted = 0;
    let rejected = 0;
    for (const [id, { isLearner }] of this.#progress) {
      const vote = isLearner ? undefined : this.#votes.get(id);
      if (vote === true) granted++;
      if (vote === false) rejected++;
    }
    return { granted, rejected, result: jointVoteResult(this.configuration.voters, this.#votes) };
  }
}
