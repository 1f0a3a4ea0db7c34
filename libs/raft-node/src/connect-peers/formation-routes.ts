import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Formation as FormationMessage,
  FormResponseSchema,
  IdentifyResponseSchema,
  type PeerService,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import { formCluster } from "../begin-cluster.ts";
import { toNumber } from "../configuration-codec.ts";
import { RaftNodeError } from "../errors.ts";
import { ensureIdentity, type Formation } from "../identity.ts";
import type { DataDirectory, Random } from "../ports.ts";
import type { StateChunk } from "../snapshots/snapshot-store.ts";
import { PROTOCOL_VERSION } from "./peer-routes.ts";

/** What the routes of a formation answer for. */
export interface FormationRoutesDeps {
  readonly data: DataDirectory;
  readonly random: Random;
  /** What the state machines begin with. */
  readonly chunks: (formation: Formation) => AsyncIterable<StateChunk>;
}

/** Serves `Identify` and `Form`: also for a node that belongs to no cluster yet. One formation at a time. */
export function formationRoutes({
  data,
  random,
  chunks,
}: FormationRoutesDeps): Pick<ServiceImpl<typeof PeerService>, "identify" | "form"> {
  let forming: Promise<void> = Promise.resolve();
  return {
    async identify() {
      const { nodeId, clusterId, formation } = await ensureIdentity(data, random);
      return create(IdentifyResponseSchema, {
        nodeId: BigInt(nodeId),
        clusterId: clusterId ?? "",
        ...(formation !== undefined && { formation: toFormationMessage(formation) }),
        protocolVersion: PROTOCOL_VERSION,
      });
    },
    async form({ formation }) {
      if (formation === undefined) throw new ConnectError("expected a formation", Code.InvalidArgument);
      const wanted = fromFormationMessage(formation);
      forming = forming.catch(() => undefined).then(() => formCluster(data, wanted, chunks, random));
      try {
        await forming;
      } catch (error) {
        if (!RaftNodeError.is(error)) throw error;
        throw new ConnectError(error.message, Code.FailedPrecondition, undefined, undefined, error);
      }
      return create(FormResponseSchema);
    },
  };
}

/** A formation, as streams carry it. */
export function toFormationMessage({ clusterId, members, featureLevel }: Formation) {
  return {
    $typeName: "trellis.raft.v1.Formation" as const,
    clusterId,
    members: members.map(({ id, name, address }) => ({
      $typeName: "trellis.raft.v1.Member" as const,
      id: BigInt(id),
      name,
      address,
    })),
    featureLevel,
  };
}

/** The formation in a stream. */
export function fromFormationMessage({ clusterId, members, featureLevel }: FormationMessage): Formation {
  return {
    clusterId,
    members: members.map(({ id, name, address }) => ({ id: toNumber(id), name, address })),
    featureLevel,
  };
}
