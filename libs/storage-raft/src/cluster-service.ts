import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type ClusterService,
  SaveSnapshotResponseSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { type RaftNode, RaftNodeError } from "@trellis/raft-node";

/** Serves what operators ask of a replica. */
export function clusterService(node: Pick<RaftNode, "openSnapshot">): ServiceImpl<typeof ClusterService> {
  return {
    async *saveSnapshot() {
      const snapshot = await node.openSnapshot().catch(refused);
      const { clusterId, index } = snapshot.header;
      const value = {
        $typeName: "trellis.cluster.v1.SnapshotDescription" as const,
        bytes: BigInt(snapshot.bytes),
        clusterId,
        version: BigInt(index),
      };
      yield create(SaveSnapshotResponseSchema, { content: { case: "description", value } });
      for await (const piece of snapshot.pieces()) {
        yield create(SaveSnapshotResponseSchema, {
          content: { case: "piece", value: piece as Uint8Array<ArrayBuffer> },
        });
      }
    },
  };
}

function refused(error: unknown): never {
  if (!RaftNodeError.is(error)) throw error;
  throw new ConnectError(error.message, Code.Unavailable, undefined, undefined, error);
}
