import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connectNodeAdapter } from "@connectrpc/connect-node";
import { openNodeDisk } from "@trellis/wal";

import { type ConnectPeers, connectTo, createConnectPeers } from "../connect-peers/connect-peers.ts";
import { EncodedPeerService } from "../connect-peers/encoded-service.ts";
import { formationRoutes } from "../connect-peers/formation-routes.ts";
import { awaitInitialCluster } from "../connect-peers/initial-cluster.ts";
import { createRaftNode, type RaftNodeConfig } from "../create-raft-node.ts";
import type { NodeEvent } from "../events.ts";
import { readIdentity } from "../identity.ts";
import type { DataDirectory, NodeClock } from "../ports.ts";
import type { RaftNode } from "../raft-node.ts";
import { ListMachine, noChunks } from "./list-machine.ts";

export const systemClock: NodeClock = {
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  nextTurn(callback) {
    setImmediate(callback);
  },
};

/** A node with a directory on a real disk and a port on a real network. */
export class RealNode {
  readonly name: string;
  readonly events: NodeEvent[] = [];
  /** Why others did not take what this one sent. */
  readonly refusals: string[] = [];
  machine = new ListMachine();
  node: RaftNode | undefined;
  #folder: string | undefined;
  #port = 0;
  #server: Http2Server | undefined;
  #peers: ConnectPeers | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #listeners = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get running(): RaftNode {
    if (this.node === undefined) throw new Error(`${this.name} does not run`);
    return this.node;
  }

  async data(): Promise<DataDirectory> {
    this.#folder ??= await mkdtemp(join(tmpdir(), "trellis-node-"));
    const folder = this.#folder;
    const [identity, wal, snapshots] = await Promise.all(
      ["identity", "wal", "snapshots"].map((name) => openNodeDisk(join(folder, name))),
    );
    if (identity === undefined || wal === undefined || snapshots === undefined)
      throw new Error("no directory");
    return { description: folder, identity, wal, snapshots };
  }

  /** Listens on a port of the system's choice, and on the same one later. */
  async listen(): Promise<void> {
    const data = await this.data();
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(EncodedPeerService, {
          ...formationRoutes({ data, random: Math.random, chunks: noChunks }),
          exchange: (requests, context) => this.#routes().exchange(requests, context),
          sendSnapshot: (requests, context) => this.#routes().sendSnapshot(requests, context),
        });
      },
    });
    const server = createServer(handler);
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  #routes(): ConnectPeers["routes"] {
    if (this.#peers === undefined) throw new Error("it is not a member yet");
    return this.#peers.routes;
  }

  /** Waits until it belongs to the cluster of the list. */
  async form(members: readonly RealNode[]): Promise<void> {
    await awaitInitialCluster(
      {
        data: await this.data(),
        clock: systemClock,
        random: Math.random,
        connect: connectTo,
        chunks: noChunks,
      },
      {
        members: members.map(({ name, address }) => ({ name, address })),
        address: this.address,
        featureLevel: 1,
      },
    );
  }

  async start(config: RaftNodeConfig = {}): Promise<void> {
    const data = await this.data();
    const identity = await readIdentity(data.identity);
    if (identity?.clusterId === undefined) throw new Error(`${this.name} is no member`);
    this.#peers = createConnectPeers(
      {
        clock: systemClock,
        random: Math.random,
        onRefused: (_, reason) => {
          this.refusals.push(reason);
          this.#changed();
        },
      },
      { nodeId: identity.nodeId, clusterId: identity.clusterId, address: this.address },
    );
    this.machine = new ListMachine();
    this.node = await createRaftNode(
      {
        clock: systemClock,
        random: Math.random,
        data,
        network: this.#peers.network,
        machines: [this.machine],
        onEvent: (event) => {
          this.events.push(event);
          this.#changed();
        },
      },
      config,
    );
    this.node.onChange(() => this.#changed());
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves once something holds, looked at whenever this node tells of a change. */
  async until(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
    });
  }

  /** Gone from the network at once, and from its directory. */
  async kill(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    this.#server = undefined;
    await this.node?.stop();
    this.node = undefined;
    this.#peers = undefined;
  }

  /** Gives it an empty directory. */
  async wipe(): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}
