import type { ClusterProcess } from "../cluster/cluster-shape.ts";
import { isReady } from "../cluster/ready.ts";
import { startProcess } from "../cluster/start-process.ts";
import type { StartedProcess } from "../cluster/supervisor.ts";

/** How long a process may take until it is ready, and until it has stopped. */
const READY_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** Lines of a process's log that are told when it fails. */
const LAST_LINES = 20;

/** An app at a port of the loopback, and what runs there now: one build of it after another. */
export class AppPlace {
  readonly url: string;
  readonly address: string;
  readonly #port: number;
  readonly #app: string;
  readonly #flags: readonly string[];
  #running: StartedProcess | undefined;
  #log = "";

  constructor(app: string, port: number, flags: readonly string[]) {
    this.#app = app;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    this.url = `http://${this.address}`;
    this.#flags = flags;
  }

  /** Starts the app of a checkout here, this one's when none is given. */
  start(root?: string, more: readonly string[] = []): void {
    this.#running = startProcess(this.#process(root, more), (text) => (this.#log += text));
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    for (const untilMs = performance.now() + READY_MS; !(await isReady(this));) {
      if (performance.now() > untilMs)
        throw new Error(`${this.#app} at ${this.address} is not ready:\n${this.#tail()}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Ends it in good order, or kills it. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.signal(signal);
    const how = await running.ended;
    if (signal === "SIGTERM" && how !== "exit code 0")
      throw new Error(`${this.#app} at ${this.address} ended with ${how}:\n${this.#tail()}`);
  }

  #process(root: string | undefined, more: readonly string[]): ClusterProcess {
    return {
      name: this.#app,
      kind: "node",
      bin: `apps/${this.#app}/bin/trellis-${this.#app}.js`,
      root,
      flags: ["--listen", this.address, ...this.#flags, ...more],
      port: this.#port,
      url: this.url,
    };
  }

  #tail(): string {
    return this.#log.split("\n").slice(-LAST_LINES).join("\n");
  }
}
