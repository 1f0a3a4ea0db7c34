import { violated } from "../invariant.ts";
import type { NodeId } from "../numbers.ts";
import { isVoter, votersOf } from "../quorum/joint.ts";
import { describeConfiguration, isJoint, type Configuration } from "../tracker/configuration.ts";
import type { Progress } from "../tracker/progress.ts";

/** Asserts the invariants that bind a configuration and the progress of its members. */
export function checkConfiguration(
  configuration: Configuration,
  progress: ReadonlyMap<NodeId, Progress>,
): void {
  const problem = problemOf(configuration, progress);
  if (problem !== undefined) violated(`${problem} in ${describeConfiguration(configuration)}`);
}

function problemOf(
  configuration: Configuration,
  progress: ReadonlyMap<NodeId, Progress>,
): string | undefined {
  const { voters, learners, learnersNext, autoLeave } = configuration;
  const members = new Set([...votersOf(voters), ...learners]);
  for (const id of members) {
    const of = progress.get(id);
    if (of === undefined) return `no progress for ${id}`;
    if (of.match >= of.next) return `match ${of.match} is not below next ${of.next} of ${id}`;
    if (of.isLearner !== learners.has(id)) return `the progress of ${id} disagrees about being a learner`;
  }
  if (progress.size !== members.size) return `${progress.size} progresses for ${members.size} members`;
  for (const id of learners) {
    if (isVoter(voters, id)) return `${id} is both voter and learner`;
  }
  for (const id of learnersNext) {
    if (!voters.outgoing.has(id)) return `${id} is to become a learner but no outgoing voter`;
    if (voters.incoming.has(id)) return `${id} is to become a learner and an incoming voter`;
  }
  if (!isJoint(configuration)) {
    if (learnersNext.size > 0) return "learners to come outside a joint configuration";
    if (autoLeave) return "leaving automatically outside a joint configuration";
  }
  return undefined;
}
