import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ClusterService, MemberStatus_Role as Role } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

const HEALTHY_MS = 30_000;
const LOOK_EVERY_MS = 200;

/** What an operator asks of a cluster, at one of its servers. */
export class OperatorAt {
  readonly #client;

  constructor(url: string) {
    this.#client = createClient(ClusterService, createConnectTransport({ baseUrl: url, httpVersion: "2" }));
  }

  /** Resolves when the cluster has so many voters, and all of them are well. */
  async healthy(voters: number): Promise<void> {
    let last = "";
    for (const untilMs = performance.now() + HEALTHY_MS; performance.now() < untilMs;) {
      try {
        const { healthy, members, problems } = await this.#client.getStatus({});
        if (healthy && members.filter(({ role }) => role === Role.VOTER).length === voters) return;
        last = problems.join("; ");
      } catch (error) {
        last = (error as Error).message;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new Error(`the cluster has no ${voters} voters that are well: ${last}`);
  }

  /** Throws unless all replicas hold the same. */
  async replicasAreEqual(): Promise<void> {
    const { equal, replicas } = await this.#client.checkReplicas({});
    if (!equal) throw new Error(`the replicas differ: ${replicas.map(({ hash }) => hash).join(", ")}`);
  }

  /** Adds a node that waits to be added, or soon will, and has it vote once it has caught up. */
  async add(name: string, address: string): Promise<void> {
    const { id } = await again(() => this.#client.addMember({ name, address }));
    await again(() => this.#client.promoteMember({ id }));
  }

  async transferLeadership(): Promise<void> {
    await this.#client.transferLeadership({ to: 0n });
  }
}

/** Tries until it succeeds. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (const untilMs = performance.now() + HEALTHY_MS; ;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
