import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import {
  type ConnectPeers,
  createConnectPeers,
  type DataDirectory,
  EncodedPeerService,
  ensureIdentity,
  formationRoutes,
  type MembershipKeeperConfig,
  type NodeClock,
  type NodeEvent,
  type PeerConnection,
  RaftNodeError,
  startMembershipKeeper,
} from "@trellis/raft-node";
import type { Clock, Random } from "@trellis/resource";
import { StorageError } from "@trellis/storage";
import { EncodedStorageService, LocalLink, type StorageLink, storageRoutes } from "@trellis/storage/wire";

import { clusterService } from "../cluster-service/cluster-service.ts";
import { firstChunks } from "../open-local-store.ts";
import { type Replica, type ReplicaConfig, startReplica } from "../start-replica.ts";
import { type ClusterEntry, enterCluster } from "./cluster-entry.ts";
import { endedBy } from "./ended-by.ts";
import { type LeftBehind, watchLeftBehind } from "./left-behind.ts";
import { NodeStatusSource } from "./node-status.ts";
import { keepOwnAddress } from "./own-address.ts";
import { withoutLeader } from "./without-leader.ts";

/** How long clients are given to hear that this node is about to stop, and to go elsewhere. */
const FAREWELL_MS = 50;

/** Something that happened to a storage node, besides what happens to its replica. */
export type StorageNodeEvent =
  | NodeEvent
  /** It does not take part yet, and why. */
  | { readonly kind: "waiting"; readonly what: string }
  | { readonly kind: "takes-part"; readonly nodeId: number; readonly clusterId: string }
  /** A member does not take what it is sent. */
  | { readonly kind: "refused"; readonly by: number; readonly reason: string }
  /** The address of this node is not noted, and why. */
  | { readonly kind: "address-not-noted"; readonly reason: string }
  /** The keeper of the membership changes who belongs to the cluster. */
  | {
      readonly kind: "keeping-membership";
      readonly change: string;
      readonly id: number;
      readonly reason: string;
    };

/** What a storage node works with. */
export interface StorageNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back in the next turn of the event loop: `setImmediate`. */
  readonly nextTurn: (callback: () => void) => void;
  readonly data: DataDirectory;
  /** Opens a connection to `host:port`, the one port of another node. */
  readonly connect: (address: string) => PeerConnection;
  /** Of this process. */
  readonly pid: number;
  /** How late the event loop was at worst of late, in milliseconds. */
  readonly loopDelayMs?: (() => number) | undefined;
  readonly onEvent?: ((event: StorageNodeEvent) => void) | undefined;
}

/** How a storage node takes part. */
export interface StorageNodeConfig {
  /** What people call it; unique in its cluster. */
  readonly name: string;
  /** Where the others, and clients, reach it: `host:port`. */
  readonly address: string;
  /** How it comes to a cluster; needed as long as its directory is empty. */
  readonly entry?: ClusterEntry | undefined;
  /** What it does about members by itself when it leads; nothing when left out. */
  readonly keeper?: MembershipKeeperConfig | undefined;
  readonly replica?: ReplicaConfig | undefined;
}

/** A storage node as a part of a process: peers, storage and operators on one port. */
export interface StorageNodePart {
  readonly name: string;
  readonly routes: { readonly connect: (router: ConnectRouter) => void };
  /** Resolves when it may be asked; it takes part as soon as it has its cluster. Rejects when its directory is in use, or damaged. */
  start(): Promise<void>;
  /** A link to it from within this process, without a wire. It ends when the node has stopped, and there is none afterwards: throws `unavailable`. */
  openLink(): StorageLink;
  /** Clients hear of it, leadership is handed over, and everything is closed in order. */
  stop(): Promise<void>;
  /** Undefined while it can show the store and knows a leader; otherwise what it waits for. */
  notReady(): string | undefined;
  /** Resolves when it cannot go on by itself: its cluster refuses it, or its disk failed. */
  readonly failed: Promise<Error>;
}

/** Makes a storage node. Nothing is read or written before it is started. */
export function createStorageNode(deps: StorageNodeDeps, config: StorageNodeConfig): StorageNodePart {
  const node = new StorageNode(deps, config);
  return {
    name: "storage",
    routes: { connect: (router) => node.serve(router) },
    start: () => node.start(),
    openLink: () => node.openLink(),
    stop: () => node.stop(),
    notReady: () => node.notReady(),
    failed: node.failed,
  };
}

class StorageNode {
  readonly #deps: StorageNodeDeps;
  readonly #config: StorageNodeConfig;
  readonly #nodeClock: NodeClock;
  readonly #status: NodeStatusSource;
  readonly #failed = Promise.withResolvers<Error>();
  /** Ends the wait for a cluster. */
  readonly #stopping = new AbortController();
  /** Ends the streams of clients and peers, once everything else is over. */
  readonly #over = new AbortController();
  #release: () => Promise<void> = async () => undefined;
  #entering: Promise<void> = Promise.resolve();
  #waitsFor = "starts";
  #peers: ConnectPeers | undefined;
  #replica: Replica | undefined;
  #leftBehind: LeftBehind | undefined;
  readonly #ends: (() => void)[] = [];

  constructor(deps: StorageNodeDeps, config: StorageNodeConfig) {
    const { clock, nextTurn } = deps;
    this.#deps = deps;
    this.#config = config;
    this.#status = new NodeStatusSource({ clock, name: config.name });
    this.#nodeClock = {
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      nextTurn,
    };
  }

  get failed(): Promise<Error> {
    return this.#failed.promise;
  }

  serve(router: ConnectRouter): void {
    const { data, random, clock, nextTurn, connect, pid, loopDelayMs } = this.#deps;
    const over = this.#over.signal;
    router.service(EncodedPeerService, {
      ...formationRoutes({ data, random, chunks: firstChunks }),
      exchange: (requests, context) => this.#takingPart().exchange(endedBy(requests, over), context),
      sendSnapshot: (requests, context) => this.#takingPart().sendSnapshot(endedBy(requests, over), context),
    });
    const endpoint = (): Replica["backend"] | undefined => this.#replica?.backend;
    const storage = storageRoutes({ clock, nextTurn, endpoint, status: this.#status });
    router.service(EncodedStorageService, {
      exchange: (requests, context) => storage.exchange(endedBy(requests, over), context),
      watch: (request, context) => storage.watch(request, context),
    });
    const replica = (): Replica | undefined => this.#replica;
    router.service(ClusterService, clusterService({ clock, random, replica, connect, pid, loopDelayMs }));
  }

  openLink(): StorageLink {
    const { clock } = this.#deps;
    if (this.#over.signal.aborted) throw new StorageError("unavailable", "this node has stopped");
    const link = new LocalLink({ clock, endpoint: () => this.#replica?.backend, status: this.#status });
    const close = (): void => void link.close();
    this.#over.signal.addEventListener("abort", close, { once: true });
    void link.ended.then(() => this.#over.signal.removeEventListener("abort", close));
    return link;
  }

  async start(): Promise<void> {
    const { data, random } = this.#deps;
    const lock = await data.identity.lock();
    this.#release = () => lock.release();
    try {
      const { nodeId, clusterId } = await ensureIdentity(data, random);
      if (clusterId === undefined && this.#config.entry === undefined) throw belongsToNone(data);
      this.#status.identify(nodeId, clusterId);
    } catch (error) {
      await lock.release();
      throw error;
    }
    this.#entering = this.#enter().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#failed.resolve(error as Error);
    });
  }

  async stop(): Promise<void> {
    this.#status.announceStop();
    this.#stopping.abort();
    await this.#entering;
    const replica = this.#replica;
    if (replica !== undefined) {
      await new Promise<void>((resolve) => void this.#deps.clock.after(FAREWELL_MS, resolve));
      // While this node still answers: what it was asked meanwhile is sent to the next leader, and not lost.
      if (replica.node.status().role === "leader")
        await replica.node.transferLeadership().catch(() => undefined);
    }
    for (const end of this.#ends.splice(0)) end();
    await replica?.stop();
    this.#over.abort();
    await this.#release();
  }

  notReady(): string | undefined {
    const node = this.#replica?.node.status();
    if (node === undefined) return `it ${this.#waitsFor}`;
    const { address, name } = this.#config;
    const toAdd = `trellis cluster add ${name}=${address} --promote`;
    if (!node.members.some(({ id }) => id === node.id))
      return `it waits to be added to cluster ${node.clusterId}: ${toAdd}`;
    const leftBehind = node.leader === undefined ? this.#leftBehind?.found : undefined;
    if (leftBehind?.clusterId === node.clusterId)
      return `it was removed from cluster ${node.clusterId} while it was away; stop it, or take it back: ${toAdd}`;
    if (leftBehind !== undefined)
      return (
        `it waits for a leader of cluster ${node.clusterId}, and ${leftBehind.address} belongs to ${leftBehind.clusterId} now; ` +
        `after a restore or a recovery former members join with empty directories (--join)`
      );
    if (this.#replica?.machine.hasStore !== true) return "it waits for its first snapshot";
    return node.leader === undefined ? withoutLeader(node, this.#status.status().leaderlessMs) : undefined;
  }

  async #enter(): Promise<void> {
    const { data, random, connect, onEvent } = this.#deps;
    const { entry, address } = this.#config;
    const onWait = (what: string): void => {
      this.#waitsFor = what;
      onEvent?.({ kind: "waiting", what });
    };
    const identity = await enterCluster(
      { data, clock: this.#nodeClock, random, connect, onWait },
      { entry, address },
      this.#stopping.signal,
    );
    if (this.#stopping.signal.aborted) return;
    this.#status.identify(identity.nodeId, identity.clusterId);
    await this.#takePart(identity);
    onEvent?.({ kind: "takes-part", ...identity });
  }

  async #takePart({
    nodeId,
    clusterId,
  }: {
    readonly nodeId: number;
    readonly clusterId: string;
  }): Promise<void> {
    const { clock, random, nextTurn, data, connect, onEvent } = this.#deps;
    const { name, address, keeper, replica: config } = this.#config;
    const peers = createConnectPeers(
      {
        clock: this.#nodeClock,
        random,
        connect,
        onRefused: (by, reason) => onEvent?.({ kind: "refused", by, reason }),
      },
      { nodeId, clusterId, address },
    );
    const replica = await startReplica(
      { clock, random, nextTurn, data, network: peers.network, onEvent },
      config,
    );
    const { node } = replica;
    const leftBehind = watchLeftBehind({ node, clock, connect });
    this.#peers = peers;
    this.#replica = replica;
    this.#leftBehind = leftBehind;
    this.#status.follow(replica);
    void node.stopped.then((failure) => {
      if (failure !== undefined) this.#failed.resolve(failure);
    });
    this.#ends.push(
      keepOwnAddress(
        { node, clock, connect, onRefused: (reason) => onEvent?.({ kind: "address-not-noted", reason }) },
        { name, address },
      ),
      () => leftBehind.end(),
    );
    if (keeper === undefined) return;
    this.#ends.push(
      startMembershipKeeper(
        {
          node,
          clock,
          onChange: (change, reason) => {
            const id = "id" in change ? change.id : change.member.id;
            onEvent?.({ kind: "keeping-membership", change: change.kind, id, reason });
          },
        },
        keeper,
      ),
    );
  }

  #takingPart(): ConnectPeers["routes"] {
    if (this.#peers !== undefined) return this.#peers.routes;
    throw new ConnectError(
      `${this.#config.name} does not take part yet: it ${this.#waitsFor}`,
      Code.Unavailable,
    );
  }
}

function belongsToNone({ description }: DataDirectory): RaftNodeError {
  return new RaftNodeError(
    "not-formed",
    `${description} belongs to no cluster yet: name the nodes that form one, this one among them (--initial-cluster), or a member of the one to join (--join)`,
  );
}
