import { create } from "@bufbuild/protobuf";
import {
  type ServerStatus as StatusMessage,
  ServerStatus_Role,
  ServerStatusSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { fromPositionMessage, toPositionMessage } from "./call-codec.ts";
import { toNumber } from "./known.ts";
import type { ServerStatus } from "./server-status.ts";

/** Members that a status names at most. */
const MAX_MEMBERS = 64;
const MAX_UINT32 = 0xffff_ffff;

/** A status as messages carry it. */
export function toStatusMessage(status: ServerStatus): StatusMessage {
  const { role, clusterId, nodeId, name, position, term, leaderId, takesCommits, isStopping } = status;
  return create(ServerStatusSchema, {
    role: role === "node" ? ServerStatus_Role.NODE : ServerStatus_Role.FORWARDER,
    clusterId,
    nodeId: BigInt(nodeId),
    name,
    term: BigInt(term),
    leaderId: BigInt(leaderId ?? 0),
    takesCommits,
    leaderlessMs: Math.min(Math.round(status.leaderlessMs), MAX_UINT32),
    stopping: isStopping,
    members: status.members
      .slice(0, MAX_MEMBERS)
      .map((member) => ({ ...member, nodeId: BigInt(member.nodeId) })),
    ...(position !== undefined && { position: toPositionMessage(position) }),
  });
}

/** The status of a message. What a later version says besides is left alone: nothing is done by it. Throws `unsupported`. */
export function fromStatusMessage(message: StatusMessage): ServerStatus {
  const { role, clusterId, nodeId, name, position, term, leaderId, takesCommits, leaderlessMs, stopping } =
    message;
  return {
    role: role === ServerStatus_Role.FORWARDER ? "forwarder" : "node",
    clusterId,
    nodeId: toNumber(nodeId),
    name,
    position: position === undefined ? undefined : fromPositionMessage(position),
    term: toNumber(term),
    leaderId: leaderId === 0n ? undefined : toNumber(leaderId),
    takesCommits,
    leaderlessMs,
    isStopping: stopping,
    members: message.members
      .slice(0, MAX_MEMBERS)
      .map((member) => ({ nodeId: toNumber(member.nodeId), name: member.name, address: member.address })),
  };
}
