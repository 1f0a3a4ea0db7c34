import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";

import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  awaitInitialCluster,
  type ConnectPeers,
  connectTo,
  createConnectPeers,
  type DataDirectory,
  EncodedPeerService,
  formationRoutes,
  joinCluster,
  type NodeClock,
  type NodeEvent,
  openDataDirectory,
  type RaftNode,
  readIdentity,
} from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";
import {
  FEATURE_LEVEL,
  firstChunks,
  type RaftBackend,
  type Replica,
  startReplica,
  type StorageMachine,
} from "@trellis/storage-raft";

import { DiskHold, holdable } from "./holdable-disk.ts";
import type { FirstMember, NodeSetup } from "./node-wire.ts";

const random = Math.random;

const clock: NodeClock = {
  monotonic: () => systemClock.monotonic(),
  after: (delayMs, callback) => systemClock.after(delayMs, callback, { keepAlive: true }),
  nextTurn: (callback) => void setImmediate(callback),
};

/** A storage node as an app would put it together: directory, port, peers, replica, backend. */
export class RunningNode {
  readonly disk: DiskHold;
  readonly port: number;
  readonly #setup: NodeSetup;
  readonly #data: DataDirectory;
  readonly #server: Http2Server;
  readonly #onEvent: (event: NodeEvent) => void;
  #peers: ConnectPeers | undefined;
  #replica: Replica | undefined;

  private constructor(
    setup: NodeSetup,
    data: DataDirectory,
    disk: DiskHold,
    { server, onEvent }: { readonly server: Http2Server; readonly onEvent: (event: NodeEvent) => void },
  ) {
    this.#setup = setup;
    this.#data = data;
    this.disk = disk;
    this.#server = server;
    this.#onEvent = onEvent;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Opens the directory and listens. */
  static async listen(setup: NodeSetup, onEvent: (event: NodeEvent) => void): Promise<RunningNode> {
    const disk = new DiskHold();
    const data = holdable(await openDataDirectory(setup.directory), disk);
    let running: RunningNode | undefined;
    const peers = (): ConnectPeers => {
      const known = running === undefined ? undefined : running.#peers;
      if (known !== undefined) return known;
      throw new ConnectError("this node does not take part yet", Code.Unavailable);
    };
    const server = createServer(
      connectNodeAdapter({
        routes: (router) =>
          void router.service(EncodedPeerService, {
            ...formationRoutes({ data, random, chunks: firstChunks }),
            exchange: (requests, context) => peers().routes.exchange(requests, context),
            sendSnapshot: (requests, context) => peers().routes.sendSnapshot(requests, context),
          }),
      }),
    );
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(setup.port, "127.0.0.1", resolve);
    });
    running = new RunningNode(setup, data, disk, { server, onEvent });
    return running;
  }

  async form(members: readonly FirstMember[]): Promise<void> {
    const deps = { data: this.#data, clock, random, connect: connectTo, chunks: firstChunks };
    await awaitInitialCluster(deps, { members, address: this.#address, featureLevel: FEATURE_LEVEL });
    await this.#takePart();
  }

  async join(clusterId: string): Promise<void> {
    await joinCluster(this.#data, clusterId, random);
    await this.#takePart();
  }

  get node(): RaftNode {
    return this.#running.node;
  }

  get machine(): StorageMachine {
    return this.#running.machine;
  }

  get backend(): RaftBackend {
    return this.#running.backend;
  }

  async stop(): Promise<void> {
    await this.#replica?.stop();
    this.#server.close();
  }

  get #address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get #running(): Replica {
    if (this.#replica === undefined) throw new Error("the node does not take part yet: form or join first");
    return this.#replica;
  }

  async #takePart(): Promise<void> {
    const identity = await readIdentity(this.#data.identity);
    if (identity?.clusterId === undefined) throw new Error("the node belongs to no cluster");
    const { nodeId, clusterId } = identity;
    const peers = createConnectPeers({ clock, random }, { nodeId, clusterId, address: this.#address });
    this.#replica = await startReplica(
      {
        clock: systemClock,
        random,
        nextTurn: (callback) => clock.nextTurn(callback),
        data: this.#data,
        network: peers.network,
        onEvent: this.#onEvent,
      },
      this.#setup.options,
    );
    this.#peers = peers;
  }
}
