import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "@trellis/resource";
import { freePorts } from "@trellis/testkit";

import { Network } from "../chaos/network/network.ts";
import { type ClusterProcess, listening } from "../cluster/cluster-shape.ts";
import { awaitReady } from "../cluster/ready.ts";
import { startProcess } from "../cluster/start-process.ts";
import { Supervisor } from "../cluster/supervisor.ts";

const MANAGERS = 3;
const HOST = "127.0.0.1";
/** How long everything may take to get ready, on a busy machine. */
const READY_MS = 60_000;

/** A gateway with its store, and managers that reach it through a network that can be cut; a manager that ends is started again after a second. */
export class ManagerProcesses {
  readonly network: Network;
  /** The gateway, for those whom no cut concerns. */
  readonly url: string;
  /** The managers. */
  readonly processes: readonly ClusterProcess[];
  readonly #gateway: ClusterProcess;
  readonly #supervisor: Supervisor;
  /** Whoever ends without stopping them leaves nothing behind. */
  readonly #onExit = (): void => {
    for (const { name } of [this.#gateway, ...this.processes]) this.kill(name);
  };

  private constructor(
    ports: readonly number[],
    directory: string,
    tell: (name: string, what: string) => void,
  ) {
    const [gatewayPort = 0, relayPort = 0, ...managerPorts] = ports;
    this.#gateway = listening({ name: "gateway", kind: "gateway", app: "gateway", port: gatewayPort }, [
      "--domain",
      "@trellis/demo",
    ]);
    this.url = this.#gateway.url;
    this.processes = managerPorts.map((port, at) =>
      listening({ name: `manager-${at + 1}`, kind: "manager", app: "controller-manager", port }, [
        "--server",
        `http://${HOST}:${relayPort}`,
        "--domain",
        "./tools/src/managers/copying.ts",
        "--identity",
        `manager-${at + 1}`,
      ]),
    );
    const logs = join(directory, "logs");
    mkdirSync(logs, { recursive: true });
    const log = (name: string, text: string): void => appendFileSync(join(logs, `${name}.log`), text);
    this.#supervisor = new Supervisor(
      {
        clock: systemClock,
        start: (process) =>
          startProcess(process, (text) => log(process.name, text), {
            ...globalThis.process.env,
            NODE_OPTIONS: "",
          }),
        tell({ name }, what) {
          log(name, `${what}\n`);
          tell(name, what);
        },
      },
      { restart: true },
    );
    this.network = new Network(() => this.#pids());
    process.on("exit", this.#onExit);
  }

  /** Starts all, and resolves when all are ready. */
  static async start(
    directory: string,
    tell: (name: string, what: string) => void,
  ): Promise<ManagerProcesses> {
    const ports = await freePorts(MANAGERS + 2);
    const [gatewayPort = 0, relayPort = 0] = ports;
    const all = new ManagerProcesses(ports, directory, tell);
    await all.network.relay({ name: "gateway", port: relayPort, targets: () => [gatewayPort] });
    try {
      for (const one of [all.#gateway, ...all.processes]) all.#supervisor.start(one);
      await all.ready();
    } catch (error) {
      await all.stop();
      throw error;
    }
    return all;
  }

  /** Resolves when all are ready. Throws when they are not in time. */
  async ready(): Promise<void> {
    if (!(await awaitReady([this.#gateway, ...this.processes], AbortSignal.timeout(READY_MS))))
      throw new Error(`the gateway and the managers are not ready within ${READY_MS} ms; see their logs`);
  }

  /** The id of a process that runs now; undefined while it waits to be started again. */
  pid(name: string): number | undefined {
    return this.#supervisor.find(name)?.pid;
  }

  kill(name: string): void {
    this.#supervisor.find(name)?.signal("SIGKILL");
  }

  /** Asks a process to end; it is started again after a second. */
  terminate(name: string): void {
    this.#supervisor.find(name)?.signal("SIGTERM");
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    await this.network.close();
    process.off("exit", this.#onExit);
  }

  #pids(): ReadonlyMap<string, number> {
    const pids = this.processes.flatMap(({ name }) => {
      const pid = this.pid(name);
      return pid === undefined ? [] : [[name, pid] as const];
    });
    return new Map(pids);
  }
}
