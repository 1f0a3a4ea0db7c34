import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "@trellis/resource";
import { freePorts } from "@trellis/testkit";

import {
  type ClusterPorts,
  type ClusterProcess,
  clusterProcesses,
  type ClusterShape,
  type Kind,
} from "./cluster-shape.ts";
import { awaitReady, isReady } from "./ready.ts";
import { secretIn } from "./secret-file.ts";
import { startProcess } from "./start-process.ts";
import { Supervisor } from "./supervisor.ts";

/** How a cluster for a test or a measurement is started. */
export interface RunningClusterOptions {
  /** Where its data and its logs go. */
  readonly directory: string;
  /** Free ones when left out. */
  readonly ports?: ClusterPorts | undefined;
  readonly reachedAt?: ClusterPorts | undefined;
  /** Nodes, the last of those that have ports, that are not started with the others. */
  readonly spares?: number | undefined;
  readonly domains?: readonly string[] | undefined;
  /** What is left out. */
  readonly without?: Kind | undefined;
  /** Of the processes, besides this one's. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Told of the cluster before it is ready. */
  readonly onCreated?: ((cluster: RunningCluster) => void) | undefined;
  /** Told what happens to a process, in words. */
  readonly tell?: ((name: string, what: string) => void) | undefined;
}

interface ClusterParts {
  readonly shape: ClusterShape;
  readonly supervisor: Supervisor;
  readonly processes: readonly ClusterProcess[];
}

/** How long everything may take to get ready, on a busy machine. */
const READY_MS = 90_000;
const DOMAINS = ["@trellis/catalog", "@trellis/demo"];

/** The cluster of `npm run cluster` with ports and a directory of its own, for whoever wants to break it: what ends is started again after a second. */
export class RunningCluster {
  readonly directory: string;
  readonly shape: ClusterShape;
  readonly #supervisor: Supervisor;
  readonly #processes: ClusterProcess[];
  /** Whoever ends without stopping the cluster leaves nothing behind. */
  readonly #onExit = (): void => {
    for (const { name } of this.#processes) this.kill(name);
  };

  private constructor({ shape, supervisor, processes }: ClusterParts) {
    this.directory = shape.dataDir;
    this.shape = shape;
    this.#supervisor = supervisor;
    this.#processes = [...processes];
    process.on("exit", this.#onExit);
  }

  /** Starts all processes, and resolves when all are ready. */
  static async start(options: RunningClusterOptions): Promise<RunningCluster> {
    const { directory, domains = DOMAINS, environment = {}, tell = () => undefined } = options;
    const ports = options.ports ?? (await freeClusterPorts());
    const secretFile = secretIn(directory);
    const { reachedAt, spares } = options;
    const shape = { dataDir: directory, ports, reachedAt, spares, domains, secretFile };
    const logs = logsBelow(directory);
    const supervisor = new Supervisor(
      {
        clock: systemClock,
        start: (process) =>
          startProcess(process, (text) => logs.append(process.name, text), {
            ...globalThis.process.env,
            NODE_OPTIONS: "",
            ...environment,
          }),
        tell: ({ name }, what) => {
          logs.append(name, `${what}\n`);
          tell(name, what);
        },
      },
      { restart: true },
    );
    const processes = clusterProcesses(shape).filter(({ kind }) => kind !== options.without);
    const cluster = new RunningCluster({ shape, supervisor, processes });
    options.onCreated?.(cluster);
    for (const process of cluster.#processes) supervisor.start(process);
    try {
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get processes(): readonly ClusterProcess[] {
    return this.#processes;
  }

  /** The gateways' URLs, the one behind forwarders first. */
  get gateways(): readonly string[] {
    return this.#processes.filter(({ kind }) => kind === "gateway").map(({ url }) => url);
  }

  /** Resolves when all processes, or those named, are ready. */
  async ready(names?: readonly string[]): Promise<void> {
    const processes = this.#processes.filter(({ name }) => names?.includes(name) ?? true);
    if (await awaitReady(processes, AbortSignal.timeout(READY_MS))) return;
    const answers = await Promise.all(processes.map(isReady));
    const which = processes.filter((_, at) => answers[at] !== true).map(({ name }) => name);
    throw new Error(
      `not ready within ${READY_MS} ms: ${which.join(", ")}; see ${join(this.directory, "logs")}`,
    );
  }

  /** The id of a process that runs now; undefined while it waits to be started again. */
  pid(name: string): number | undefined {
    return this.#supervisor.find(name)?.pid;
  }

  /** Kills a process of the cluster, which is started again after a second. */
  kill(name: string): void {
    this.#supervisor.find(name)?.signal("SIGKILL");
  }

  /** Asks a process to end; it is started again after a second. */
  terminate(name: string): void {
    this.#supervisor.find(name)?.signal("SIGTERM");
  }

  /** Adds a process. */
  add(process: ClusterProcess): void {
    const at = this.#processes.findIndex(({ name }) => name === process.name);
    this.#processes.splice(at < 0 ? this.#processes.length : at, at < 0 ? 0 : 1, process);
    this.#supervisor.start(process);
  }

  /** Ends a process for good. */
  async remove(name: string): Promise<void> {
    await this.#supervisor.stopOne(name);
    const at = this.#processes.findIndex((process) => process.name === name);
    if (at >= 0) this.#processes.splice(at, 1);
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    process.off("exit", this.#onExit);
  }
}

/** Ports for a cluster with so many nodes and forwarders. */
export async function freeClusterPorts({ nodes = 3, forwarders = 1 } = {}): Promise<ClusterPorts> {
  const ports = await freePorts(nodes + forwarders + 4);
  const [first = 0, second = 0, third = 0, fourth = 0] = ports.slice(nodes + forwarders);
  return {
    nodes: ports.slice(0, nodes),
    forwarders: ports.slice(nodes, nodes + forwarders),
    gateways: [first, second],
    managers: [third, fourth],
  };
}

/** A file for each process, which grows over its restarts. */
function logsBelow(directory: string): { readonly append: (name: string, text: string) => void } {
  const folder = join(directory, "logs");
  mkdirSync(folder, { recursive: true });
  return { append: (name, text) => appendFileSync(join(folder, `${name}.log`), text) };
}
