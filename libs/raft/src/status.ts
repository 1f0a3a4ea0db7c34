import type { HardState, SoftState } from "./hard-state.ts";
import type { LogIndex, NodeId } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { hardStateOf, softStateOf } from "./ready.ts";
import type { Configuration } from "./tracker/configuration.ts";
import type { Progress } from "./tracker/progress.ts";

/** A node seen from outside, at one moment. */
export interface Status {
  readonly id: NodeId;
  readonly hardState: HardState;
  readonly softState: SoftState;
  /** The highest index that the application has acknowledged. */
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** To whom leadership is being handed; 0 to nobody. */
  readonly transferee: NodeId;
  readonly configuration: Configuration;
  /** Copies of what the leader knows of each member, ascending by id; empty on others. */
  readonly progress: ReadonlyMap<NodeId, Progress>;
}

export function statusOf(raft: RaftState): Status {
  const { id, log, tracker, transferee } = raft;
  const progress = new Map<NodeId, Progress>();
  if (raft.role === "leader") {
    for (const [member, of] of tracker.progress) progress.set(member, of.clone());
  }
  return {
    id,
    hardState: hardStateOf(raft),
    softState: softStateOf(raft),
    applied: log.applied,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    transferee,
    configuration: tracker.configuration,
    progress,
  };
}
