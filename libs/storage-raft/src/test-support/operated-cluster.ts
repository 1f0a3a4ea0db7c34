import { type Client, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { type Member, type MembershipChange, type NodeStatus, RaftNodeError } from "@trellis/raft-node";
import { seededRandom } from "@trellis/testing";

import { clusterService } from "../cluster-service/cluster-service.ts";
import type { OperatedReplica } from "../cluster-service/operated-node.ts";
import { Cluster } from "./cluster.ts";

const CLUSTER_ID = "c".repeat(32);

/** Three members with the cluster service, over a log that never fails by itself; what becomes unreachable is the test's business. */
export class OperatedCluster {
  /** Whose port answers nothing: what is sent there waits for ever. */
  readonly silent = new Set<number>();
  /** Nodes that are no members: by their ports, who they are and what cluster they wait for. */
  readonly strangers = new Map<string, { readonly id: number; readonly clusterId: string }>();
  /** Every request, as `asked address method`. */
  readonly requests: string[] = [];
  readonly changes: string[] = [];
  readonly statusOf = new Map<number, Partial<NodeStatus>>();
  members: (Member & { voter: boolean })[];
  readonly cluster: Cluster;
  readonly #transports = new Map<string, Transport>();

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.members = cluster.replicas.map(({ id }) => ({
      id,
      name: `n${id}`,
      address: `n${id}:7511`,
      voter: true,
    }));
    for (const { id } of cluster.replicas) this.#transports.set(`n${id}:7511`, this.#serve(id));
  }

  static async form(): Promise<OperatedCluster> {
    return new OperatedCluster(await Cluster.form({ replicas: 3, lagTurns: 3 }));
  }

  get clock() {
    return this.cluster.clock;
  }

  /** A client of one member. */
  client(id: number): Client<typeof ClusterService> {
    return createClient(ClusterService, this.transport(`n${id}:7511`));
  }

  /** Lets time pass until something is answered. */
  async settle<T>(promise: Promise<T>, stepMs = 500): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    for (let step = 0; step < 400 && !isSettled; step++) await this.clock.advance(stepMs);
    return await promise;
  }

  /** The way to the port of a node. */
  transport(address: string): Transport {
    const found = this.#transports.get(address) ?? this.#stranger(address);
    const count = (method: { readonly name: string }): void =>
      void this.requests.push(`${address} ${method.name}`);
    const isSilent = (): boolean =>
      this.silent.has(this.members.find((member) => member.address === address)?.id ?? 0);
    const never = (signal?: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      });
    return {
      async unary(...args) {
        count(args[0]);
        return await (isSilent() ? never(args[1]) : found.unary(...args));
      },
      async stream(...args) {
        count(args[0]);
        return await (isSilent() ? never(args[1]) : found.stream(...args));
      },
    };
  }

  #stranger(address: string): Transport {
    return createRouterTransport((router) => {
      const found = this.strangers.get(address);
      if (found === undefined) return;
      router.service(PeerService, {
        identify: () => ({ nodeId: BigInt(found.id), clusterId: found.clusterId }),
      });
    });
  }

  #serve(id: number): Transport {
    const service = clusterService({
      clock: this.clock,
      random: seededRandom(id),
      replica: () => this.#operated(id),
      connect: (address) => ({ transport: this.transport(address), close: () => undefined }),
      pid: 1000 + id,
      loopDelayMs: () => id,
    });
    return createRouterTransport((router) => {
      router.service(ClusterService, service);
    });
  }

  #operated(id: number): OperatedReplica {
    const replica = this.cluster.replica(id);
    const status = (): NodeStatus => ({
      ...replica.status(),
      leader: this.cluster.leader,
      members: this.members.map((member) => ({
        ...member,
        matched: undefined,
        applied: this.cluster.replicas[member.id - 1]?.applied,
        hasSpace: true,
        silentMs: member.id === id ? 0 : this.silent.has(member.id) ? 12_000 : 50,
      })),
      ...this.statusOf.get(id),
    });
    const leading = (): void => {
      if (status().role !== "leader") throw new RaftNodeError("not-leader", `node ${id} does not lead`);
    };
    return {
      machine: replica.machine,
      node: {
        status,
        propose: (entry, options) => replica.propose(entry, options),
        changeMembership: async (change) => {
          leading();
          this.#change(change);
        },
        transferLeadership: async (to = 2) => {
          leading();
          this.changes.push(`transfer ${to}`);
          this.cluster.lead(to);
        },
        openSnapshot: async () => {
          throw new RaftNodeError("unavailable", "it has no disk");
        },
      },
    };
  }

  #change(change: MembershipChange): void {
    if (change.kind === "add-learner") this.members = [...this.members, { ...change.member, voter: false }];
    if (change.kind === "remove") this.members = this.members.filter(({ id }) => id !== change.id);
    if (change.kind === "promote")
      this.members = this.members.map((member) =>
        member.id === change.id ? { ...member, voter: true } : member,
      );
    this.changes.push(`${change.kind} ${"id" in change ? change.id : change.member.id}`);
  }

  /** A node that waits at an address to be added. */
  wait(address: string, id: number, clusterId = CLUSTER_ID): void {
    this.strangers.set(address, { id, clusterId });
  }

  /** Nobody leads, as all know. */
  depose(): void {
    for (const { id } of this.cluster.replicas)
      this.statusOf.set(id, { role: "follower", leader: undefined });
  }
}
