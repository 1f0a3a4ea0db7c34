import { entriesSize, type Entry } from "./entry.ts";
import { RaftError } from "./errors.ts";
import { releaseUncommitted } from "./leader-log.ts";
import type { LogIndex } from "./numbers.ts";
import { propose } from "./proposals.ts";
import type { RaftState } from "./raft-state.ts";
import type { Snapshot } from "./snapshot.ts";
import { leaveJointProposal } from "./confchange/encoding.ts";

/** The application has applied these entries. */
export function entriesApplied(raft: RaftState, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, entriesSize(entries));
  releaseUncommitted(raft, entries);
}

/** A snapshot is stored and applied. */
export function snapshotApplied(raft: RaftState, { metadata }: Snapshot): void {
  raft.log.unstable.stableSnapshotTo(metadata.index);
  appliedTo(raft, metadata.index, 0);
}

function appliedTo(raft: RaftState, index: LogIndex, bytes: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  leaveJointIfDue(raft);
}

/**
 * Proposes to leave a joint configuration that is to be left automatically, once it is applied. While leadership is being
 * handed over this fails; the end of that, the next applied entry, or the next leader tries again.
 */
export function leaveJointIfDue(raft: RaftState): void {
  const { autoLeave } = raft.tracker.configuration;
  if (!autoLeave || raft.log.applied < raft.pendingConfIndex || raft.role !== "leader") return;
  try {
    propose(raft, [leaveJointProposal]);
  } catch (error) {
    if (!RaftError.is(error) || error.code !== "proposal-dropped") throw error;
  }
}
