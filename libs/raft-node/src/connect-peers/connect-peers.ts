import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { type Lane, OpeningSchema } from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import type { Message, NodeId } from "@trellis/raft";
import { streamingTransport } from "@trellis/resource/node";

import { RaftNodeError } from "../errors.ts";
import type { Member } from "../member.ts";
import type { Announcement, OutgoingSnapshot, PeerNetwork, PeerReceiver } from "../peers.ts";
import type { NodeClock, Random } from "../ports.ts";
import type { EncodedPeerService } from "./encoded-service.ts";
import { type PeerConnection, PeerLink } from "./peer-link.ts";
import { peerRoutes, PROTOCOL_VERSION } from "./peer-routes.ts";

/** Streams of members that are not known yet: a node that has just joined hears of its leader before it knows its members. */
const MAX_STRANGERS = 16;
/** A connection that is silent for so long is asked whether it lives, and given up after the second time. */
const PING_MS = 2_000;
const PING_TIMEOUT_MS = 2_000;
/** Bytes of one message on the wire: an entry of 6 MiB, or a batch of 4 MiB, with room to spare. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** What the network of a node works with. */
export interface ConnectPeersDeps {
  readonly clock: NodeClock;
  readonly random: Random;
  /** A member does not take what it is sent, and why: told once per reason. */
  readonly onRefused?: ((member: NodeId, reason: string) => void) | undefined;
  /** Opens a connection to `host:port`; HTTP/2 without TLS by default. */
  readonly connect?: ((address: string) => PeerConnection) | undefined;
}

/** Whose network it is. */
export interface ConnectPeersConfig {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** Where this node can be reached, `host:port`. */
  readonly address: string;
}

/** The network of a node over Connect streams, and the routes by which it is reached. */
export interface ConnectPeers {
  readonly network: PeerNetwork;
  readonly routes: Pick<ServiceImpl<typeof EncodedPeerService>, "exchange" | "sendSnapshot">;
}

/** Makes the network of a node. */
export function createConnectPeers(deps: ConnectPeersDeps, config: ConnectPeersConfig): ConnectPeers {
  const network = new ConnectPeerNetwork(deps, config);
  return { network, routes: network.routes };
}

class ConnectPeerNetwork implements PeerNetwork {
  readonly routes: ConnectPeers["routes"];
  readonly #deps: ConnectPeersDeps;
  readonly #config: ConnectPeersConfig;
  /** Where members, and strangers that were heard, can be reached. */
  #members = new Map<NodeId, string>();
  readonly #strangers = new Map<NodeId, string>();
  readonly #links = new Map<NodeId, { readonly address: string; readonly link: PeerLink }>();
  #receiver: PeerReceiver | undefined;

  constructor(deps: ConnectPeersDeps, config: ConnectPeersConfig) {
    this.#deps = deps;
    this.#config = config;
    this.routes = peerRoutes({
      ...config,
      receiver: () => this.#receiver,
      onAddress: (id, address) => this.#heard(id, address),
    });
  }

  start(receiver: PeerReceiver): void {
    this.#receiver = receiver;
  }

  setMembers(members: readonly Member[]): void {
    this.#members = new Map(members.map(({ id, address }) => [id, address]));
    for (const id of this.#members.keys()) this.#strangers.delete(id);
    for (const [id, { address }] of this.#links) if (this.#addressOf(id) !== address) this.#unlink(id);
  }

  send(to: NodeId, messages: readonly Message[], announcement: Announcement): void {
    const link = this.#linkTo(to);
    if (link === undefined) this.#lost(to);
    else link.send(messages, announcement);
  }

  async sendSnapshot(to: NodeId, snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void> {
    const link = this.#linkTo(to);
    if (link === undefined) {
      throw new RaftNodeError("unavailable", `where member ${to} can be reached is not known`);
    }
    await link.sendSnapshot(snapshot, signal);
  }

  async stop(): Promise<void> {
    this.#receiver = undefined;
    for (const id of this.#links.keys()) this.#unlink(id);
  }

  #heard(id: NodeId, address: string): void {
    if (address === "" || this.#members.has(id)) return;
    this.#strangers.delete(id);
    this.#strangers.set(id, address);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size <= MAX_STRANGERS || oldest === undefined) return;
    this.#strangers.delete(oldest);
    this.#unlink(oldest);
  }

  #addressOf(id: NodeId): string | undefined {
    return this.#members.get(id) ?? this.#strangers.get(id);
  }

  #linkTo(id: NodeId): PeerLink | undefined {
    const address = this.#addressOf(id);
    if (address === undefined || address === "" || this.#receiver === undefined) return undefined;
    const known = this.#links.get(id);
    if (known?.address === address) return known.link;
    this.#unlink(id);
    const { clock, random, onRefused, connect = connectTo } = this.#deps;
    const link = new PeerLink({
      clock,
      random,
      connect: () => connect(address),
      opening: (lane) => this.#opening(id, lane),
      onLost: () => this.#lost(id),
      onRefused: (reason) => onRefused?.(id, reason),
    });
    this.#links.set(id, { address, link });
    return link;
  }

  #opening(to: NodeId, lane: Lane) {
    const { nodeId, clusterId, address } = this.#config;
    return create(OpeningSchema, {
      protocolVersion: PROTOCOL_VERSION,
      clusterId,
      from: BigInt(nodeId),
      to: BigInt(to),
      address,
      lane,
    });
  }

  #lost(to: NodeId): void {
    this.#deps.clock.nextTurn(() => this.#receiver?.lost(to));
  }

  #unlink(id: NodeId): void {
    this.#links.get(id)?.link.close();
    this.#links.delete(id);
  }
}

/** A connection to `host:port`: HTTP/2 without TLS, by sessions of `Sessions`. */
export function connectTo(address: string, Sessions = Http2SessionManager): PeerConnection {
  const baseUrl = `http://${address}`;
  const sessionManager = new Sessions(baseUrl, { pingIntervalMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS });
  return {
    transport: streamingTransport({
      baseUrl,
      sessions: sessionManager,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    }),
    close: () => sessionManager.abort(),
  };
}
