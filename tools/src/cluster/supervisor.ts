import type { Clock } from "@trellis/resource";

import type { ClusterProcess } from "./cluster-shape.ts";
import { KINDS } from "./cluster-shape.ts";

/** A process that was started. */
export interface StartedProcess {
  readonly pid: number;
  /** Resolves with how it ended, in words: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>;
  /** Sends a signal; none to a process that has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** What supervising works with. */
export interface SupervisorDeps {
  readonly clock: Clock;
  readonly start: (process: ClusterProcess) => StartedProcess;
  /** Told what happens, for people. */
  readonly tell: (process: ClusterProcess, what: string) => void;
}

/** How processes are kept running. */
export interface SupervisorOptions {
  /** Whether one that ends is started again. */
  readonly restart: boolean;
}

/** How long one that ended is left alone, and how long stopping may take before it is killed. */
const RESTART_MS = 1_000;
const STOP_MS = 15_000;

/** Keeps processes running: one that ends is started again after a second. */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #options: SupervisorOptions;
  readonly #running = new Map<string, StartedProcess>();
  readonly #wanted = new Map<string, ClusterProcess>();
  readonly #waiting = new Map<string, () => void>();
  #isStopping = false;

  constructor(deps: SupervisorDeps, options: SupervisorOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Starts a process and keeps it running; one that runs already is left alone. */
  start(process: ClusterProcess): void {
    if (this.#isStopping || this.#running.has(process.name)) return;
    this.#waiting.get(process.name)?.();
    this.#waiting.delete(process.name);
    this.#wanted.set(process.name, process);
    const started = this.#deps.start(process);
    this.#running.set(process.name, started);
    void started.ended.then((how) => this.#ended(process, how));
  }

  /** The process of that name that runs now. */
  find(name: string): StartedProcess | undefined {
    return this.#running.get(name);
  }

  /** Ends one process for good, in good order, and kills it when that takes too long. */
  async stopOne(name: string): Promise<void> {
    this.#wanted.delete(name);
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
    const started = this.#running.get(name);
    if (started === undefined) return;
    started.signal("SIGTERM");
    const endTimer = this.#deps.clock.after(STOP_MS, () => started.signal("SIGKILL"), { keepAlive: true });
    await started.ended;
    endTimer();
  }

  /** Ends all, those first that depend on others. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const processes = [...this.#wanted.values()];
    for (const kind of [...KINDS].reverse()) {
      const ofKind = processes.filter((process) => process.kind === kind);
      await Promise.all(ofKind.map(({ name }) => this.stopOne(name)));
    }
  }

  #ended(process: ClusterProcess, how: string): void {
    this.#running.delete(process.name);
    if (!this.#wanted.has(process.name)) {
      this.#deps.tell(process, "stopped");
      return;
    }
    if (this.#isStopping) return;
    if (!this.#options.restart) {
      this.#wanted.delete(process.name);
      this.#deps.tell(process, `ended (${how})`);
      return;
    }
    this.#deps.tell(process, `ended (${how}); started again in ${RESTART_MS / 1000} s`);
    const cancel = this.#deps.clock.after(
      RESTART_MS,
      () => {
        this.#waiting.delete(process.name);
        this.start(process);
      },
      { keepAlive: true },
    );
    this.#waiting.set(process.name, cancel);
  }
}
