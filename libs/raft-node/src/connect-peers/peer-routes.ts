import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type EncodedExchangeRequest,
  ExchangeResponseSchema,
  type Opening,
  type SendSnapshotRequest,
  SendSnapshotResponseSchema,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import type { PeerReceiver } from "../peers.ts";
import { decodeBatch } from "./batch-bytes.ts";
import type { EncodedPeerService } from "./encoded-service.ts";
import { fromPeerMessage } from "./message-codec.ts";

/** The version of the protocol between members that this program speaks. */
export const PROTOCOL_VERSION = 1;

/** What the routes of a member answer for. */
export interface PeerRoutesDeps {
  readonly nodeId: number;
  readonly clusterId: string;
  /** Undefined while the node is not running, or not any more. */
  readonly receiver: () => PeerReceiver | undefined;
  /** A member, or somebody who wants to be heard by one, has said where it can be reached. */
  readonly onAddress: (id: number, address: string) => void;
}

/** Serves `Exchange` and `SendSnapshot` for one member, to be registered as {@link EncodedPeerService}. */
export function peerRoutes(
  deps: PeerRoutesDeps,
): Pick<ServiceImpl<typeof EncodedPeerService>, "exchange" | "sendSnapshot"> {
  /** The stream that counts, by sender and lane: one that was replaced may still hold what was sent before. */
  const current = new Map<string, symbol>();
  return {
    async *exchange(requests, { signal }) {
      const source = requests[Symbol.asyncIterator]();
      const stream = Symbol("a stream of a member");
      let key = "";
      try {
        const opening = openingOf((await source.next()).value);
        const from = accept(deps, opening);
        key = `${from}/${opening.lane}`;
        current.set(key, stream);
        yield create(ExchangeResponseSchema);
        for (let next = await source.next(); next.done !== true; next = await source.next()) {
          if (current.get(key) !== stream || signal.aborted) return;
          receive(deps, from, next.value);
        }
      } finally {
        if (current.get(key) === stream) current.delete(key);
        await source.return?.();
      }
    },

    async sendSnapshot(requests) {
      const source = requests[Symbol.asyncIterator]();
      try {
        const from = accept(deps, openingOf((await source.next()).value));
        await receiveSnapshot(deps, from, source);
        return create(SendSnapshotResponseSchema);
      } finally {
        // Whoever sends waits until what is on its way was taken in.
        await source.return?.();
      }
    },
  };
}

function openingOf(first: EncodedExchangeRequest | SendSnapshotRequest | undefined): Opening {
  if (first?.content.case === "opening") return first.content.value;
  throw new ConnectError("expected the stream to begin with its opening", Code.InvalidArgument);
}

/** Whether the stream is meant for this very node: cluster, incarnation, id and version. Answers who sends. */
function accept({ nodeId, clusterId, onAddress }: PeerRoutesDeps, opening: Opening): number {
  const refuse = (what: string): never => {
    throw new ConnectError(what, Code.FailedPrecondition);
  };
  if (opening.protocolVersion !== PROTOCOL_VERSION) {
    refuse(
      `node ${nodeId} speaks version ${PROTOCOL_VERSION} of the peer protocol, found ${opening.protocolVersion}; upgrade one version at a time`,
    );
  }
  if (opening.clusterId !== clusterId) {
    refuse(
      `node ${nodeId} belongs to cluster ${clusterId}, the sender to ${opening.clusterId}; after a restore or a forced recovery former members ` +
        `are refused: let them join again with empty directories`,
    );
  }
  if (opening.to !== BigInt(nodeId)) {
    refuse(
      `this is node ${nodeId}, the sender wants ${opening.to}: another node has its address now; remove the old member and add this one`,
    );
  }
  const from = Number(opening.from);
  if (!Number.isSafeInteger(from) || from <= 0 || from === nodeId) {
    refuse(`expected the sender to have an id of its own, found ${opening.from}`);
  }
  onAddress(from, opening.address);
  return from;
}

function receive(
  { nodeId, receiver }: PeerRoutesDeps,
  from: number,
  { content }: EncodedExchangeRequest,
): void {
  if (content.case !== "batch") {
    throw new ConnectError("expected nothing but batches after the opening", Code.InvalidArgument);
  }
  const node = receiver();
  if (node === undefined) throw new ConnectError("the node is not running", Code.Unavailable);
  try {
    const { messages, announcement } = decodeBatch(content.value, { from, to: nodeId });
    node.receive(from, messages, announcement);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConnectError(`expected what this version knows, found ${error.message}`, Code.InvalidArgument);
  }
}

async function receiveSnapshot(
  { nodeId, receiver }: PeerRoutesDeps,
  from: number,
  source: AsyncIterator<SendSnapshotRequest>,
): Promise<void> {
  const start = (await source.next()).value as SendSnapshotRequest | undefined;
  if (start?.content.case !== "start" || start.content.value.message === undefined) {
    throw new ConnectError("expected the message of the snapshot after the opening", Code.InvalidArgument);
  }
  const node = receiver();
  if (node === undefined) throw new ConnectError("the node is not running", Code.Unavailable);
  const { message, bytes } = start.content.value;
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      if (next.value.content.case !== "piece") {
        throw new ConnectError("expected nothing but pieces of the file", Code.InvalidArgument);
      }
      yield next.value.content.value;
    }
  };
  try {
    await node.receiveSnapshot(from, {
      message: fromPeerMessage(message, { from, to: nodeId }),
      bytes: Number(bytes),
      chunks: pieces(),
    });
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new ConnectError(
      `the snapshot was not taken in: ${found}`,
      Code.Unavailable,
      undefined,
      undefined,
      error,
    );
  }
}
