import { RaftError } from "../errors.ts";
import type { NodeId } from "../numbers.ts";
import type { Configuration } from "../tracker/configuration.ts";
import { Progress } from "../tracker/progress.ts";
import type { ConfState } from "../snapshot.ts";
import { checkConfiguration } from "./check-configuration.ts";
import type { ChangeBase, ChangedMembers } from "./changer.ts";

/**
 * The configuration that a snapshot or the storage recorded, with fresh progress for all its members. The tracker gives only
 * the limits. Errors: `invalid-conf-change` when the record contradicts itself.
 */
export function restoreMembers({ tracker, lastIndex }: ChangeBase, state: ConfState): ChangedMembers {
  const configuration: Configuration = {
    voters: { incoming: new Set(state.voters), outgoing: new Set(state.votersOutgoing) },
    learners: new Set(state.learners),
    learnersNext: new Set(state.learnersNext),
    autoLeave: state.autoLeave,
  };
  const progress = new Map<NodeId, Progress>();
  for (const id of [...state.voters, ...state.votersOutgoing, ...state.learners]) {
    progress.set(
      id,
      new Progress({
        next: Math.max(lastIndex, 1),
        inflights: tracker.newInflights(),
        isLearner: configuration.learners.has(id),
        recentActive: true,
      }),
    );
  }
  try {
    checkConfiguration(configuration, progress);
  } catch (cause) {
    throw new RaftError("invalid-conf-change", "expected a consistent configuration in the snapshot", cause);
  }
  return { configuration, progress };
}
