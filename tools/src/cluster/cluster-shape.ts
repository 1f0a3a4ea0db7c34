import { join } from "node:path";

/** What a process of the cluster is; in the order in which they are started, and stopped from the last on. */
export const KINDS = ["node", "forwarder", "gateway", "manager"] as const;
export type Kind = (typeof KINDS)[number];

/** One process: which app, with which flags, and where it says whether it is ready. */
export interface ClusterProcess {
  /** Unique in the cluster: `node-1`. */
  readonly name: string;
  readonly kind: Kind;
  /** The app's program, relative to the checkout. */
  readonly bin: string;
  readonly flags: readonly string[];
  readonly port: number;
  readonly url: string;
}

/** Where each process listens, on the loopback. */
export interface ClusterPorts {
  readonly nodes: readonly number[];
  readonly forwarder: number;
  readonly gateways: readonly [number, number];
  readonly managers: readonly [number, number];
}

/** The ports that the documentation speaks of. */
export const DEFAULT_PORTS: ClusterPorts = {
  nodes: [7511, 7512, 7513],
  forwarder: 7520,
  gateways: [7500, 7501],
  managers: [7530, 7531],
};

/** What a cluster is made of. */
export interface ClusterShape {
  /** Where each node has a directory, and the cluster's secret is. */
  readonly dataDir: string;
  readonly ports: ClusterPorts;
  readonly domains: readonly string[];
  /** A file with the secret by which managers act as the system. */
  readonly secretFile: string;
}

const HOST = "127.0.0.1";

/**
 * The processes of a cluster on one machine: storage nodes, a forwarder, two gateways, two controller managers. The first gateway goes through the forwarder, the
 * second to the nodes directly, so that both ways are in use.
 */
export function clusterProcesses({
  dataDir,
  ports,
  domains,
  secretFile,
}: ClusterShape): readonly ClusterProcess[] {
  const nodes = ports.nodes.map((port, at) => ({ name: `node-${at + 1}`, address: `${HOST}:${port}`, port }));
  const initialCluster = nodes.map(({ name, address }) => `${name}=${address}`).join(",");
  const [firstNode, ...otherNodes] = nodes.map(({ address }) => address);
  const direct = `trellis://${firstNode}${otherNodes.map((address, at) => `${at === 0 ? "?" : "&"}node=${address}`).join("")}`;
  const ofDomains = domains.flatMap((domain) => ["--domain", domain]);
  const secret = ["--cluster-secret", secretFile];
  const [gateway, directGateway] = ports.gateways;
  const process = (
    name: string,
    kind: Kind,
    bin: string,
    port: number,
    flags: readonly string[],
  ): ClusterProcess => ({
    name,
    kind,
    bin: `apps/${bin}/bin/trellis-${bin}.js`,
    flags: ["--listen", `${HOST}:${port}`, ...flags],
    port,
    url: `http://${HOST}:${port}`,
  });
  return [
    ...nodes.map(({ name, port }) =>
      process(name, "node", "storage-node", port, [
        "--name",
        name,
        "--data-dir",
        join(dataDir, name),
        "--initial-cluster",
        initialCluster,
      ]),
    ),
    process(
      "forwarder",
      "forwarder",
      "forwarding",
      ports.forwarder,
      nodes.flatMap(({ address }) => ["--node", address]),
    ),
    process("gateway-1", "gateway", "gateway", gateway, [
      "--backend",
      `trellis://${HOST}:${ports.forwarder}`,
      ...secret,
      ...ofDomains,
    ]),
    process("gateway-2", "gateway", "gateway", directGateway, ["--backend", direct, ...secret, ...ofDomains]),
    ...ports.managers.map((port, at) =>
      process(`manager-${at + 1}`, "manager", "controller-manager", port, [
        "--server",
        `http://${HOST}:${ports.gateways[at]}`,
        ...secret,
        ...ofDomains,
      ]),
    ),
  ];
}
