import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { type ClusterPorts, joiningNode } from "../cluster/cluster-shape.ts";
import { type Operator, operatorOf } from "../cluster/operator.ts";
import { isReady } from "../cluster/ready.ts";
import { freeClusterPorts, RunningCluster } from "../cluster/running-cluster.ts";
import { Network } from "./network/network.ts";
import { canMount, SmallDisk } from "./small-disk.ts";

/** Voters, and a place for one more. */
export const VOTERS = 3;
const NODES = VOTERS + 1;
const FORWARDERS = 2;
/** What this process is called in the network: all clients are in it. */
export const CLIENTS = "clients";
/** How often it is looked which gateways are ready, as the balancer in front of them does. */
const LOOK_EVERY_MS = 100;
/** Has the C library give memory back that is free, so that what processes hold is what they need. */
const GIVES_BACK = { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" };
const PRELOAD = pathToFileURL(join(import.meta.dirname, "collect-on-signal.ts")).href;

/** A cluster that can be broken: all that its processes send each other goes through a network of ours, and its nodes' disks can be full. */
export class ChaosCluster {
  readonly cluster: RunningCluster;
  readonly operator: Operator;
  readonly network: Network;
  /** Where clients reach each process, by name. */
  readonly reachedAt: ClusterPorts;
  /** A port that leads to a gateway that is ready, as a balancer's would. */
  readonly balancer: number;
  /** By the name of a node; none where disks cannot be mounted. */
  readonly disks: ReadonlyMap<string, SmallDisk>;
  /** The node that is started to join the others. */
  spare = `node-${NODES}`;
  readonly #gateways: ReadyGateways;
  readonly #onExit = (): void => this.releaseDisks({ keep: false });

  private constructor(
    parts: Pick<ChaosCluster, "cluster" | "network" | "reachedAt" | "balancer" | "disks"> & {
      readonly gateways: ReadyGateways;
    },
  ) {
    this.cluster = parts.cluster;
    this.operator = operatorOf(parts.cluster);
    this.network = parts.network;
    this.reachedAt = parts.reachedAt;
    this.balancer = parts.balancer;
    this.disks = parts.disks;
    this.#gateways = parts.gateways;
    process.on("exit", this.#onExit);
  }

  static async start(directory: string, tell: (name: string, what: string) => void): Promise<ChaosCluster> {
    const [
      ports,
      {
        managers: [balancer],
        ...relays
      },
    ] = [
      await freeClusterPorts({ nodes: NODES, forwarders: FORWARDERS }),
      await freeClusterPorts({ nodes: NODES, forwarders: FORWARDERS }),
    ];
    const reachedAt = { ...relays, managers: ports.managers };
    mkdirSync(directory, { recursive: true });
    const disks = canMount() ? disksBelow(directory) : new Map<string, SmallDisk>();
    let cluster: RunningCluster | undefined;
    const network = new Network(() => pidsOf(cluster));
    const ready = new ReadyGateways(() => cluster);
    for (const relay of relaysOf(ports, reachedAt)) await network.relay(relay);
    await network.relay({ name: "gateways", port: balancer, targets: () => ready.next() });
    cluster = await RunningCluster.start({
      directory,
      ports,
      reachedAt,
      spares: NODES - VOTERS,
      environment: { NODE_OPTIONS: `--import ${PRELOAD}`, ...GIVES_BACK },
      tell,
      onCreated: (created) => (cluster = created),
    });
    return new ChaosCluster({ cluster, network, reachedAt, balancer, disks, gateways: ready });
  }

  /** Has the balancer look which gateways are ready, from now on until the answer is called. */
  async balance(): Promise<() => void> {
    return await this.#gateways.watch();
  }

  /** Starts the spare node, which waits to be added; where others reach it. */
  startSpare(): string {
    const at = Number(this.spare.slice("node-".length)) - 1;
    this.cluster.add(joiningNode(this.cluster.shape, at));
    return `127.0.0.1:${this.reachedAt.nodes[at]}`;
  }

  /** Makes a node that was removed the spare one: it is stopped, and its data goes. */
  async retire(name: string): Promise<void> {
    await this.cluster.remove(name);
    const folder = join(this.cluster.directory, name);
    for (const part of ["wal", "snapshots", "node.json"])
      rmSync(join(folder, part), { recursive: true, force: true });
    this.spare = name;
  }

  async stop(): Promise<void> {
    this.operator.close();
    await this.cluster.stop();
    await this.network.close();
  }

  /** Takes the disks away; what is on them stays only if it is to be kept. */
  releaseDisks(options: { readonly keep: boolean }): void {
    process.off("exit", this.#onExit);
    for (const disk of this.disks.values()) disk.unmount(options);
  }
}

/** Which gateways are ready, as somebody knows who asks them now and then. */
class ReadyGateways {
  readonly #cluster: () => RunningCluster | undefined;
  #ports: readonly number[] = [];
  #turn = 0;

  constructor(cluster: () => RunningCluster | undefined) {
    this.#cluster = cluster;
  }

  /** All that are ready, by turns each the first. */
  next(): readonly number[] {
    const first = this.#turn++ % Math.max(1, this.#ports.length);
    return [...this.#ports.slice(first), ...this.#ports.slice(0, first)];
  }

  async watch(): Promise<() => void> {
    await this.#look();
    const timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }

  async #look(): Promise<void> {
    const gateways = this.#cluster()?.processes.filter(({ kind }) => kind === "gateway") ?? [];
    const answers = await Promise.all(gateways.map(isReady));
    this.#ports = gateways.filter((_, at) => answers[at]).map(({ port }) => port);
  }
}

function disksBelow(directory: string): ReadonlyMap<string, SmallDisk> {
  const names = Array.from({ length: NODES }, (_, at) => `node-${at + 1}`);
  return new Map(names.map((name) => [name, new SmallDisk(join(directory, name))]));
}

function pidsOf(cluster: RunningCluster | undefined): ReadonlyMap<string, number> {
  const running = cluster?.processes.flatMap(({ name }) => {
    const pid = cluster.pid(name);
    return pid === undefined ? [] : [[name, pid] as const];
  });
  return new Map([...(running ?? []), [CLIENTS, process.pid]]);
}

function relaysOf(ports: ClusterPorts, reachedAt: ClusterPorts) {
  const relays = (kind: "nodes" | "forwarders" | "gateways", name: string) =>
    ports[kind].map((port, at) => ({
      name: `${name}-${at + 1}`,
      port: reachedAt[kind][at] ?? 0,
      targets: () => [port],
    }));
  return [...relays("nodes", "node"), ...relays("forwarders", "forwarder"), ...relays("gateways", "gateway")];
}
