import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type SnapshotHeader as HeaderMessage,
  SnapshotHeaderSchema,
} from "@trellis/protos/trellis/raft/v1/snapshot_pb.js";

import { fromConfiguration, toConfiguration } from "../configuration-codec.ts";
import type { SnapshotHeader } from "../member.ts";

/** A header as files and streams carry it. */
export function encodeHeader({
  clusterId,
  index,
  term,
  confState,
  members,
  featureLevel,
}: SnapshotHeader): Uint8Array {
  return toBinary(
    SnapshotHeaderSchema,
    create(SnapshotHeaderSchema, {
      clusterId,
      index: BigInt(index),
      term: BigInt(term),
      configuration: toConfiguration(confState),
      members: members.map(({ id, name, address }) => ({ id: BigInt(id), name, address })),
      featureLevel,
    }),
  );
}

/** The header in a file or stream. Throws for bytes that are none. */
export function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const { clusterId, index, term, configuration, members, featureLevel }: HeaderMessage = fromBinary(
    SnapshotHeaderSchema,
    bytes,
  );
  return {
    clusterId,
    index: Number(index),
    term: Number(term),
    confState: fromConfiguration(configuration),
    members: members.map(({ id, name, address }) => ({ id: Number(id), name, address })),
    featureLevel,
  };
}
