import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Code, createClient, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import {
  ClusterService,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import {
  connectTo,
  createConnectPeers,
  createFormation,
  ensureIdentity,
  formationRoutes,
  formCluster,
  joinCluster,
  openDataDirectory,
} from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";
import { eventually } from "@trellis/testkit";

import { firstChunks } from "../open-local-store.ts";
import { type Replica, startReplica } from "../start-replica.ts";
import { put } from "../test-support/contents.ts";
import { SMALL_WAL } from "../test-support/local-stores.ts";
import { clusterService } from "./cluster-service.ts";

const nextTurn = (callback: () => void): void => void setImmediate(callback);
/** How long an election, and a machine that is busy, may take. */
const LIMIT_MS = 20_000;
let root: string;
let nodes: Node[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-real-cluster-"));
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) await node.stop();
  await rm(root, { recursive: true });
});

type PeerStreams = Pick<ServiceImpl<typeof PeerService>, "exchange" | "sendSnapshot">;

/** A node with its real disk and sockets, on a port of the loopback. */
class Node {
  readonly name: string;
  address = "";
  id = 0;
  replica: Replica | undefined;
  #routes: PeerStreams | undefined;
  #stopServing = async (): Promise<void> => undefined;

  constructor(name: string) {
    this.name = name;
  }

  get data() {
    return openDataDirectory(join(root, this.name));
  }

  async serve(): Promise<void> {
    const data = await this.data;
    this.id = (await ensureIdentity(data, Math.random)).nodeId;
    const service = clusterService({
      clock: systemClock,
      random: Math.random,
      replica: () => this.replica,
      connect: connectTo,
      pid: process.pid,
    });
    const peers = (): PeerStreams => {
      if (this.#routes === undefined) throw new Error("it does not run yet");
      return this.#routes;
    };
    const server = createServer(
      connectNodeAdapter({
        routes: (router) => {
          router.service(ClusterService, service);
          router.service(PeerService, {
            ...formationRoutes({ data, random: Math.random, chunks: firstChunks }),
            exchange: (requests, context) => peers().exchange(requests, context),
            sendSnapshot: (requests, context) => peers().sendSnapshot(requests, context),
          });
        },
      }),
    );
    const sessions = new Set<{ destroy(): void }>();
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#stopServing = () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      });
  }

  async start(clusterId: string): Promise<void> {
    const { network, routes } = createConnectPeers(
      { clock: { ...systemClock, nextTurn }, random: Math.random },
      { nodeId: this.id, clusterId, address: this.address },
    );
    this.#routes = routes;
    this.replica = await startReplica(
      { clock: systemClock, random: Math.random, nextTurn, data: await this.data, network },
      { wal: SMALL_WAL, entryBytes: 8 * 1024 },
    );
  }

  async stop(): Promise<void> {
    await this.replica?.stop();
    this.replica = undefined;
    await this.#stopServing();
  }
}

async function newNode(name: string): Promise<Node> {
  const node = new Node(name);
  nodes.push(node);
  await node.serve();
  return node;
}

it("a cluster on sockets is shown, checked, grown, and led by another, through a follower", async () => {
  for (const name of ["n1", "n2", "n3"]) await newNode(name);
  const formation = createFormation(
    nodes.map(({ id, name, address }) => ({ id, name, address })),
    1,
    Math.random,
  );
  const { clusterId } = formation;
  for (const node of nodes) await formCluster(await node.data, formation, firstChunks, Math.random);
  for (const node of nodes) await node.start(clusterId);
  const leading = () => nodes.find(({ replica }) => replica?.node.status().role === "leader");
  await eventually(() => expect(leading()).toBeDefined(), LIMIT_MS);
  await leading()?.replica?.backend.commit([put("a", "x")]);

  const follower = nodes.find((node) => node !== leading()) as unknown as Node;
  const connection = connectTo(follower.address);
  const client = createClient(ClusterService, connection.transport);
  try {
    await eventually(
      async () => expect(await client.getStatus({})).toMatchObject({ healthy: true }),
      LIMIT_MS,
    );
    expect(await client.checkReplicas({})).toMatchObject({ equal: true });

    const newcomer = await newNode("n4");
    const add = { name: "n4", address: newcomer.address };
    await expect(client.addMember(add)).rejects.toMatchObject({ code: Code.FailedPrecondition });
    await joinCluster(await newcomer.data, clusterId, Math.random);
    await newcomer.start(clusterId);
    const { id } = await client.addMember(add);
    expect(id).toBe(BigInt(newcomer.id));
    await eventually(async () => {
      const { members } = await client.getStatus({});
      expect(members[3]).toMatchObject({ name: "n4", state: State.LEARNER, lag: 0n });
      expect(Number(members[3]?.appliedIndex)).toBeGreaterThan(2);
    }, LIMIT_MS);
    await client.promoteMember({ id });
    expect(await client.checkReplicas({})).toMatchObject({ equal: true, replicas: { length: 4 } });
    await client.transferLeadership({ to: id });
    await eventually(
      async () => expect(await client.getStatus({})).toMatchObject({ leaderId: id, healthy: true }),
      LIMIT_MS,
    );
    await client.removeMember({ id });
    await eventually(async () => {
      const status = await client.getStatus({});
      expect(status.members).toHaveLength(3);
      expect(status.leaderId).not.toBe(0n);
    }, LIMIT_MS);
  } finally {
    connection.close();
  }
});
