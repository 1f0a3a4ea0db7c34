import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { freePorts, residentBytesOf } from "@trellis/testkit";

import { listening } from "../../cluster/cluster-shape.ts";
import { isReady } from "../../cluster/ready.ts";
import { startProcess } from "../../cluster/start-process.ts";
import type { StartedProcess } from "../../cluster/supervisor.ts";
import { BenchError } from "../bench-error.ts";
import { LOOP_DELAY_SOCKET, LoopDelay } from "./loop-delay.ts";

/** How long a server may take to be ready with all that it keeps, and to stop. */
const READY_MS = 10 * 60_000;
const STOP_MS = 60_000;
const LOOK_EVERY_MS = 20;
/** Memory is what is left when the server has had nothing to do for a while: the least of so many looks. */
const SETTLE_LOOKS = 8;
/** Of what a server has printed, the end, for the message of one that has ended. */
const KEPT_OUTPUT = 2_000;
const probeUrl = pathToFileURL(join(import.meta.dirname, "loop-delay-probe.ts")).href;

/** A standalone server in a process of its own, whose data stay when it is started again. Without controllers of the domain: what is measured is what keeps resources. */
export class ScaleServer {
  readonly url: string;
  readonly name: string;
  readonly #port: number;
  readonly #directory: string;
  readonly #domain: string;
  #process: StartedProcess | undefined;
  #output = "";
  #starts = 0;

  private constructor(
    name: string,
    at: { readonly port: number; readonly directory: string },
    domain: string,
  ) {
    this.name = name;
    this.#port = at.port;
    this.#directory = at.directory;
    this.#domain = domain;
    this.url = `http://127.0.0.1:${at.port}`;
  }

  /** Starts one with its data below a directory, and waits until it is ready. */
  static async start(name: string, below: string, domain = "@trellis/demo"): Promise<ScaleServer> {
    const directory = join(below, name);
    mkdirSync(directory, { recursive: true });
    const [port = 0] = await freePorts(1);
    const server = new ScaleServer(name, { port, directory }, domain);
    await server.#start();
    return server;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Kills the process and starts it again over the same data; how long it took from the start until it was ready, in milliseconds. */
  async killAndStart(): Promise<number> {
    const running = this.#running();
    running.signal("SIGKILL");
    await running.ended;
    return await this.#start();
  }

  /** Resident memory when nothing is going on for so long, in bytes. */
  async settledBytes(settleMs: number): Promise<number> {
    let least = Infinity;
    for (let look = 0; look < SETTLE_LOOKS; look++) {
      await sleep(settleMs / SETTLE_LOOKS);
      least = Math.min(least, residentBytesOf(this.pid) ?? Number.NaN);
    }
    return least;
  }

  /** Begins to measure the event loop's delay. */
  async loopDelay(): Promise<LoopDelay> {
    return await LoopDelay.open(this.#socket());
  }

  async stop(): Promise<void> {
    const started = this.#process;
    if (started === undefined) return;
    started.signal("SIGTERM");
    const timer = setTimeout(() => started.signal("SIGKILL"), STOP_MS);
    await started.ended;
    clearTimeout(timer);
    this.#process = undefined;
  }

  async #start(): Promise<number> {
    const flags = ["--domain", this.#domain, "--controllers-elsewhere"];
    const program = listening({ name: this.name, kind: "node", app: "standalone", port: this.#port }, [
      ...flags,
      "--data-dir",
      join(this.#directory, "data"),
    ]);
    this.#starts += 1;
    const socket = this.#socket();
    this.#output = "";
    const startedMs = performance.now();
    const started = startProcess(
      program,
      (text) => (this.#output = (this.#output + text).slice(-KEPT_OUTPUT)),
      { ...process.env, NODE_OPTIONS: `--import=${probeUrl}`, [LOOP_DELAY_SOCKET]: socket },
    );
    this.#process = started;
    let end: string | undefined;
    void started.ended.then((how) => (end = how));
    while (!(await isReady(this))) {
      if (end !== undefined) throw new BenchError(`${this.name} ended (${end}): ${this.#output}`);
      if (performance.now() - startedMs > READY_MS) {
        started.signal("SIGKILL");
        throw new BenchError(`${this.name} was not ready within ${READY_MS} ms: ${this.#output}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
    return performance.now() - startedMs;
  }

  #running(): StartedProcess {
    if (this.#process === undefined) throw new BenchError(`${this.name} does not run`);
    return this.#process;
  }

  /** Another one for each process: the file of one that was killed is left. */
  #socket(): string {
    return join(this.#directory, `loop-delay-${this.#starts}.sock`);
  }
}
