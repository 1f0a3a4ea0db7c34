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
  /** The checkout; this one when left out. */
  readonly root?: string | undefined;
  readonly flags: readonly string[];
  readonly port: number;
  readonly url: string;
}

/** Where each process listens, on the loopback. */
export interface ClusterPorts {
  readonly nodes: readonly number[];
  readonly forwarders: readonly number[];
  readonly gateways: readonly [number, number];
  readonly managers: readonly [number, number];
  /** Where nodes serve resources as well; those without a port here do not. */
  readonly serving?: readonly number[] | undefined;
}

/** The ports that the documentation speaks of. */
export const DEFAULT_PORTS: ClusterPorts = {
  nodes: [7511, 7512, 7513],
  forwarders: [7520],
  gateways: [7500, 7501],
  managers: [7530, 7531],
};

/** What a cluster is made of. */
export interface ClusterShape {
  /** Where each node has a directory, and the cluster's secret is. */
  readonly dataDir: string;
  readonly ports: ClusterPorts;
  /** Where the processes reach each other, when that is not where they listen. */
  readonly reachedAt?: ClusterPorts | undefined;
  /** Nodes that do not form the cluster with the others: the last of those that have ports. */
  readonly spares?: number | undefined;
  readonly domains: readonly string[];
  /** A file with the secret by which managers act as the system. */
  readonly secretFile: string;
}

/** Where all processes of a cluster on one machine are. */
export const HOST = "127.0.0.1";

/**
 * The processes of a cluster on one machine: storage nodes, forwarders, two gateways, two controller managers. The first gateway goes through the forwarders, and to
 * the nodes only while none of those is there; the second to the nodes directly. So both ways are in use.
 */
export function clusterProcesses(shape: ClusterShape): readonly ClusterProcess[] {
  const { ports, reachedAt = ports, spares = 0 } = shape;
  const formedBy = ports.nodes.length - spares;
  const nodes = addressesOf(reachedAt.nodes.slice(0, formedBy));
  const common = gatewayFlags(shape);
  const forwarderName = (at: number): string =>
    ports.forwarders.length === 1 ? "forwarder" : `forwarder-${at + 1}`;
  const initialCluster = nodes.map((address, at) => `${nodeName(at)}=${address}`).join(",");
  const forwarders = addressesOf(reachedAt.forwarders);
  const backends = [backendUrl([...forwarders, ...nodes]), backendUrl(nodes)];
  return [
    ...nodes.map((_, at) => nodeProcess(shape, at, ["--initial-cluster", initialCluster])),
    ...ports.forwarders.map((port, at) =>
      listening(
        { name: forwarderName(at), kind: "forwarder", app: "forwarding", port },
        nodes.flatMap((address) => ["--node", address]),
      ),
    ),
    ...ports.gateways.map((port, at) =>
      listening({ name: `gateway-${at + 1}`, kind: "gateway", app: "gateway", port }, [
        "--backend",
        backends[at] ?? "",
        ...common,
      ]),
    ),
    ...ports.managers.map((port, at) =>
      listening({ name: `manager-${at + 1}`, kind: "manager", app: "controller-manager", port }, [
        ...[reachedAt.gateways[at], reachedAt.gateways[1 - at]].flatMap((gateway) => [
          "--server",
          `http://${HOST}:${gateway}`,
        ]),
        ...common,
      ]),
    ),
  ];
}

/** The storage node at a place among those that have ports, to join the cluster of the others. */
export function joiningNode(shape: ClusterShape, at: number): ClusterProcess {
  const { ports, reachedAt = ports } = shape;
  const others = addressesOf(reachedAt.nodes.toSpliced(at, 1));
  return nodeProcess(
    shape,
    at,
    others.flatMap((address) => ["--join", address]),
  );
}

/** What everyone who serves resources, or has controllers, is told. */
function gatewayFlags({ secretFile, domains }: ClusterShape): readonly string[] {
  return ["--cluster-secret", secretFile, ...domains.flatMap((domain) => ["--domain", domain])];
}

function nodeProcess(shape: ClusterShape, at: number, entry: readonly string[]): ClusterProcess {
  const { dataDir, ports, reachedAt } = shape;
  const name = nodeName(at);
  const serving = ports.serving?.[at];
  const advertise = reachedAt === undefined ? [] : ["--advertise", `${HOST}:${reachedAt.nodes[at]}`];
  return listening({ name, kind: "node", app: "storage-node", port: ports.nodes[at] ?? 0 }, [
    "--name",
    name,
    "--data-dir",
    join(dataDir, name),
    ...advertise,
    ...entry,
    ...(serving === undefined ? [] : ["--serve", `${HOST}:${serving}`, ...gatewayFlags(shape)]),
  ]);
}

/** A process of an app that listens on the loopback. */
export function listening(
  { name, kind, app, port }: Pick<ClusterProcess, "name" | "kind" | "port"> & { readonly app: string },
  flags: readonly string[],
): ClusterProcess {
  return {
    name,
    kind,
    bin: `apps/${app}/bin/trellis-${app}.js`,
    flags: ["--listen", `${HOST}:${port}`, ...flags],
    port,
    url: `http://${HOST}:${port}`,
  };
}

function backendUrl([first, ...others]: readonly string[]): string {
  const more = others.map((address, at) => `${at === 0 ? "?" : "&"}node=${address}`);
  return `trellis://${first}${more.join("")}`;
}

function addressesOf(ports: readonly number[]): readonly string[] {
  return ports.map((port) => `${HOST}:${port}`);
}

function nodeName(at: number): string {
  return `node-${at + 1}`;
}
