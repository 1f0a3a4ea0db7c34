import { ascending, type NodeId } from "../numbers.ts";
import { describeMajority, type Majority } from "../quorum/majority.ts";
import { describeJoint, type JointQuorum } from "../quorum/joint.ts";
import type { ConfState } from "../snapshot.ts";

/**
 * Who takes part, and how (paper §6, thesis §4). Never changed in place: a conf change makes another one.
 *
 * Invariants: voters of either half are not in `learners`; `learnersNext` is part of `voters.outgoing`; outside a joint
 * configuration `voters.outgoing` and `learnersNext` are empty and `autoLeave` is false.
 */
export interface Configuration {
  readonly voters: JointQuorum;
  /** Members that receive the log and count for nothing. */
  readonly learners: ReadonlySet<NodeId>;
  /** Members demoted in this joint configuration, still voters of its outgoing half: learners once it is left. */
  readonly learnersNext: ReadonlySet<NodeId>;
  /** True when the leader leaves the joint configuration as soon as it was applied. */
  readonly autoLeave: boolean;
}

const nobody: Majority = new Set<NodeId>();

/** The configuration without members. */
export const emptyConfiguration: Configuration = {
  voters: { incoming: nobody, outgoing: nobody },
  learners: nobody,
  learnersNext: nobody,
  autoLeave: false,
};

/** True while two majorities must agree. */
export function isJoint({ voters }: Configuration): boolean {
  return voters.outgoing.size > 0;
}

/** As it is stored in snapshots, all lists ascending. */
export function toConfState({ voters, learners, learnersNext, autoLeave }: Configuration): ConfState {
  return {
    voters: [...voters.incoming].sort(ascending),
    votersOutgoing: [...voters.outgoing].sort(ascending),
    learners: [...learners].sort(ascending),
    learnersNext: [...learnersNext].sort(ascending),
    autoLeave,
  };
}

/** As `voters=(1 2 3)&&(1) learners=(4) learners_next=(5) autoleave`, leaving out what is empty. */
export function describeConfiguration(configuration: Configuration): string {
  const parts = [`voters=${describeJoint(configuration.voters)}`];
  if (configuration.learners.size > 0) parts.push(`learners=${describeMajority(configuration.learners)}`);
  if (configuration.learnersNext.size > 0) {
    parts.push(`learners_next=${describeMajority(configuration.learnersNext)}`);
  }
  if (configuration.autoLeave) parts.push("autoleave");
  return parts.join(" ");
}
