import { RaftError } from "../errors.ts";
import type { LogIndex, NodeId } from "../numbers.ts";
import { isJoint, type Configuration } from "../tracker/configuration.ts";
import { Progress } from "../tracker/progress.ts";
import type { ProgressTracker } from "../tracker/progress-tracker.ts";
import { checkConfiguration } from "./check-configuration.ts";
import type { ConfChangeStep, ConfChangeV2 } from "./conf-change.ts";
import { planOf } from "./conf-change.ts";
import { Draft } from "./draft.ts";

/** A configuration with the progress of its members; ready to be switched to. */
export interface ChangedMembers {
  readonly configuration: Configuration;
  readonly progress: ReadonlyMap<NodeId, Progress>;
}

/** What a change is applied to. Nothing of it is modified. */
export interface ChangeBase {
  readonly tracker: ProgressTracker;
  /** The last index of the node's log: a new member is probed from there. */
  readonly lastIndex: LogIndex;
}

/** Applies a change the way it asks for. Errors: `invalid-conf-change`. */
export function changeMembers(base: ChangeBase, change: ConfChangeV2): ChangedMembers {
  const plan = planOf(change);
  switch (plan.kind) {
    case "simple":
      return changeSimply(base, change.changes);
    case "enter-joint":
      return enterJoint(base, { autoLeave: plan.autoLeave, steps: change.changes });
    case "leave-joint":
      return leaveJoint(base);
  }
}

/**
 * Applies steps that together change at most one voter: then each majority of the old configuration meets each of the new
 * one, and no joint phase is needed (thesis §4.1). Errors: `invalid-conf-change`.
 */
export function changeSimply(base: ChangeBase, steps: readonly ConfChangeStep[]): ChangedMembers {
  const { configuration } = base.tracker;
  if (isJoint(configuration)) refuse("can't apply simple config change in joint config");
  const draft = applySteps(base, draftOf(base), steps);
  const before = configuration.voters.incoming;
  const kept = [...before].filter((id) => draft.incoming.has(id)).length;
  const changed = before.size - kept + (draft.incoming.size - kept);
  if (changed > 1) refuse("more than one voter changed without entering joint config");
  return finish(draft);
}

/**
 * Enters a joint configuration: the present voters become its outgoing half, the steps make its incoming one (paper §6).
 * Errors: `invalid-conf-change`.
 */
export function enterJoint(
  base: ChangeBase,
  { autoLeave, steps }: { readonly autoLeave: boolean; readonly steps: readonly ConfChangeStep[] },
): ChangedMembers {
  const { configuration } = base.tracker;
  if (isJoint(configuration)) refuse("config is already joint");
  // Members may be added to the empty configuration one by one, but two majorities need a first one.
  if (configuration.voters.incoming.size === 0) refuse("can't make a zero-voter config joint");
  const draft = draftOf(base);
  draft.outgoing = new Set(draft.incoming);
  applySteps(base, draft, steps);
  draft.autoLeave = autoLeave;
  return finish(draft);
}

/** Leaves a joint configuration: the incoming half decides alone. Errors: `invalid-conf-change`. */
export function leaveJoint(base: ChangeBase): ChangedMembers {
  if (!isJoint(base.tracker.configuration)) refuse("can't leave a non-joint config");
  const draft = draftOf(base);
  for (const id of draft.learnersNext) {
    draft.learners.add(id);
    const progress = draft.progress.get(id);
    if (progress !== undefined) progress.isLearner = true;
  }
  draft.learnersNext = new Set();
  const formerVoters = draft.outgoing;
  draft.outgoing = new Set();
  for (const id of formerVoters) {
    if (!draft.incoming.has(id) && !draft.learners.has(id)) draft.progress.delete(id);
  }
  draft.autoLeave = false;
  return finish(draft);
}

function draftOf({ tracker }: ChangeBase): Draft {
  checkConfiguration(tracker.configuration, tracker.progress);
  return new Draft(tracker.configuration, tracker.progress);
}

function finish(draft: Draft): ChangedMembers {
  const configuration = draft.configuration();
  checkConfiguration(configuration, draft.progress);
  return { configuration, progress: draft.progress };
}

function applySteps(base: ChangeBase, draft: Draft, steps: readonly ConfChangeStep[]): Draft {
  for (const { type, nodeId } of steps) {
    if (nodeId === 0) continue;
    switch (type) {
      case "add-node":
        addVoter(base, draft, nodeId);
        break;
      case "add-learner":
        addLearner(base, draft, nodeId);
        break;
      case "remove-node":
        draft.remove(nodeId);
        break;
      case "update-node":
        break;
    }
  }
  if (draft.incoming.size === 0) refuse("removed all voters");
  return draft;
}

function addVoter(base: ChangeBase, draft: Draft, id: NodeId): void {
  const progress = draft.progress.get(id) ?? newProgress(base);
  draft.progress.set(id, progress);
  progress.isLearner = false;
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  draft.incoming.add(id);
}

function addLearner(base: ChangeBase, draft: Draft, id: NodeId): void {
  const progress = draft.progress.get(id) ?? newProgress(base);
  if (progress.isLearner) return;
  draft.remove(id);
  draft.progress.set(id, progress);
  // A voter of the outgoing half cannot be a learner before that half is gone.
  if (draft.outgoing.has(id)) {
    draft.learnersNext.add(id);
  } else {
    progress.isLearner = true;
    draft.learners.add(id);
  }
}

/**
 * A new member is probed from the end of the log, and refuses that with a hint if it has less. It counts as active, or the
 * next quorum check could depose the leader before the member had a chance to speak.
 */
function newProgress({ tracker, lastIndex }: ChangeBase): Progress {
  return new Progress({
    next: Math.max(lastIndex, 1),
    inflights: tracker.newInflights(),
    recentActive: true,
  });
}

function refuse(message: string): never {
  throw new RaftError("invalid-conf-change", message);
}
