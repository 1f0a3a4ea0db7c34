import { create } from "@bufbuild/protobuf";
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  type MemberStatus as MemberMessage,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
  MemberStatusSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { MemberStatus, NodeStatus } from "@trellis/raft-node";

import type { ClusterServiceDeps, OperatedReplica } from "./operated-node.ts";
import { notFormed } from "./operator-errors.ts";

const STATES: Readonly<Record<NodeStatus["role"], State>> = {
  leader: State.LEADER,
  follower: State.FOLLOWER,
  candidate: State.CANDIDATE,
  "pre-candidate": State.CANDIDATE,
  learner: State.LEARNER,
  stopped: State.UNREACHABLE,
};

/** What this node says of itself and of its members. Throws UNAVAILABLE for one that is over. */
export function localStatus(
  { pid, loopDelayMs }: Pick<ClusterServiceDeps, "pid" | "loopDelayMs">,
  { node }: OperatedReplica,
): GetStatusResponse {
  const status = node.status();
  if (status.role === "stopped") throw notFormed();
  const { id, clusterId, leader, term, committed, applied } = status;
  const self = {
    state: STATES[status.role],
    term: BigInt(term),
    appliedIndex: BigInt(applied),
    lag: BigInt(Math.max(0, committed - applied)),
    pid,
    oldestWriteMs: status.oldestWriteMs,
    hasSpace: status.hasSpace,
    snapshotIndex: BigInt(status.snapshotIndex),
    ...(loopDelayMs !== undefined && { loopDelayMs: loopDelayMs() }),
  };
  return create(GetStatusResponseSchema, {
    clusterId,
    leaderId: BigInt(leader ?? 0),
    term: BigInt(term),
    members: status.members.map((member) =>
      create(MemberStatusSchema, { ...heardOf(member), ...(member.id === id && self) }),
    ),
    committedIndex: BigInt(committed),
  });
}

function heardOf({ id, name, address, voter, applied, hasSpace, silentMs }: MemberStatus) {
  return {
    id: BigInt(id),
    name,
    address,
    role: voter ? Role.VOTER : Role.LEARNER,
    appliedIndex: BigInt(applied ?? 0),
    hasSpace: hasSpace ?? true,
    ...(silentMs !== undefined && { silentMs: BigInt(Math.round(silentMs)) }),
  };
}

/** What the member that gave a local status says of itself: the one entry with a state. */
export function speakerOf({ members }: GetStatusResponse): MemberMessage | undefined {
  return members.find(({ state }) => state !== State.UNSPECIFIED);
}
