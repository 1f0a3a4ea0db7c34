import { none, type NodeId, type LogIndex, type RaftCore } from "@trellis/raft";

import { isVoterIn, type MembershipTable } from "./membership-table.ts";
import type { Heard } from "./inbox.ts";
import type { MemberStatus, NodeStatus } from "./raft-node.ts";

/** What a status is made of. */
export interface StatusSource {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly core: RaftCore;
  readonly table: MembershipTable;
  readonly applied: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly hasSpace: boolean;
  readonly heard: ReadonlyMap<NodeId, Heard>;
  readonly nowMs: number;
  readonly oldestWriteMs: number;
  readonly pendingProposals: number;
  readonly isOver: boolean;
}

/** A node seen from outside. */
export function nodeStatus(source: StatusSource): NodeStatus {
  const {
    id,
    clusterId,
    core,
    table,
    applied,
    snapshotIndex,
    hasSpace,
    oldestWriteMs,
    pendingProposals,
    isOver,
  } = source;
  const { hardState, softState, firstIndex, lastIndex, progress } = core.status();
  const isLearner = softState.role === "follower" && !isVoterIn(table.confState, id);
  return {
    id,
    clusterId,
    role: isOver ? "stopped" : isLearner ? "learner" : softState.role,
    term: hardState.term,
    leader: softState.leader === none ? undefined : softState.leader,
    committed: hardState.commit,
    applied,
    firstIndex,
    lastIndex,
    snapshotIndex,
    featureLevel: table.featureLevel,
    hasSpace,
    members: table.members.map((member): MemberStatus => {
      const isSelf = member.id === id;
      const heard = source.heard.get(member.id);
      return {
        ...member,
        voter: isVoterIn(table.confState, member.id),
        matched: progress.get(member.id)?.match,
        applied: isSelf ? applied : heard?.announcement.applied,
        hasSpace: isSelf ? hasSpace : heard?.announcement.hasSpace,
        silentMs: isSelf ? 0 : heard === undefined ? undefined : source.nowMs - heard.atMs,
      };
    }),
    oldestWriteMs,
    pendingProposals,
  };
}
