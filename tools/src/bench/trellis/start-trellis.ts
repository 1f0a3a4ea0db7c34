import { join } from "node:path";

import { freePorts, startStandalone } from "@trellis/testkit";

import { type ClusterPorts, listening } from "../../cluster/cluster-shape.ts";
import { operatorOf } from "../../cluster/operator.ts";
import { awaitReady } from "../../cluster/ready.ts";
import { freeClusterPorts, RunningCluster } from "../../cluster/running-cluster.ts";
import type { Deployment, Shape, Start } from "../deployment.ts";

const DOMAIN = "@trellis/demo";
const HEALTHY_MS = 30_000;
/** The gateway that clients enter by. */
const GATEWAY = "gateway";

/** Trellis in each of its shapes, without controllers of the domain: what is compared is what keeps resources. */
export const startTrellis: Readonly<Record<Shape, Start>> = {
  standalone: startOneProcess,
  gateway: (directory) => startGateway(directory, 1),
  cluster: (directory) => startServingNodes(directory, 3),
  split: (directory) => startGateway(directory, 3),
};

async function startOneProcess(directory: string): Promise<Deployment> {
  const flags = ["--data-dir", join(directory, "data"), "--controllers-elsewhere"];
  const server = await startStandalone({ domains: [DOMAIN], flags });
  return {
    url: server.url,
    processes: () => [{ name: "standalone", pid: server.pid }],
    stop: async () => void (await server.stop()),
  };
}

/** Storage nodes, and one gateway, whose first server is a follower where there is one: there it reads what need not be the newest. */
async function startGateway(directory: string, nodes: number): Promise<Deployment> {
  const ports = await freeClusterPorts({ nodes, forwarders: 0 });
  return await deployed(directory, ports, async (cluster, leader) => {
    const addresses = ports.nodes.map((port) => `127.0.0.1:${port}`);
    const [first, ...others] = [...addresses.filter((address) => address !== leader), leader];
    const [port = 0] = await freePorts(1);
    const backend = `trellis://${first}?${others.map((address) => `node=${address}`).join("&")}`;
    const flags = ["--domain", DOMAIN, "--cluster-secret", cluster.shape.secretFile, "--backend", backend];
    const gateway = listening({ name: GATEWAY, kind: "gateway", app: "gateway", port }, flags);
    cluster.add(gateway);
    await cluster.ready([GATEWAY]);
    return gateway.url;
  });
}

/** Storage nodes that serve resources themselves; clients enter at a follower. */
async function startServingNodes(directory: string, nodes: number): Promise<Deployment> {
  const serving = await freePorts(nodes);
  const ports = { ...(await freeClusterPorts({ nodes, forwarders: 0 })), serving };
  return await deployed(directory, ports, async (_, leader) => {
    const follower = ports.nodes.findIndex((port) => `127.0.0.1:${port}` !== leader);
    const url = `http://127.0.0.1:${serving[follower]}`;
    if (await awaitReady([{ url }], AbortSignal.timeout(HEALTHY_MS))) return url;
    throw new Error(`${url} did not get ready within ${HEALTHY_MS} ms`);
  });
}

/** A healthy cluster of nodes; `enter` starts what else clients need, and says where they enter. */
async function deployed(
  directory: string,
  ports: ClusterPorts,
  enter: (cluster: RunningCluster, leader: string) => Promise<string>,
): Promise<Deployment> {
  const cluster = await RunningCluster.start({ directory, ports, domains: [DOMAIN], without: "manager" });
  try {
    const operator = operatorOf(cluster);
    await operator.healthy(ports.nodes.length, HEALTHY_MS);
    const { address: leader } = await operator.leader();
    operator.close();
    for (const { name } of cluster.processes.filter(({ kind }) => kind === "gateway"))
      await cluster.remove(name);
    const url = await enter(cluster, leader);
    return {
      url,
      nodes: cluster.processes.filter(({ kind }) => kind === "node"),
      processes: () => cluster.processes.map(({ name }) => ({ name, pid: cluster.pid(name) ?? 0 })),
      stop: () => cluster.stop(),
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
