import { create } from "@bufbuild/protobuf";
import {
  type SaveSnapshotResponse,
  SaveSnapshotResponseSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import type { OperatedReplica } from "./operated-node.ts";
import { forOperator, notFormed } from "./operator-errors.ts";

/** Serves a snapshot of now: what comes, then the bytes of the file. */
export async function* saveSnapshot(
  replica: Pick<OperatedReplica, "node"> | undefined,
): AsyncGenerator<SaveSnapshotResponse> {
  if (replica === undefined) throw notFormed();
  const snapshot = await forOperator(replica.node.openSnapshot());
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
}
