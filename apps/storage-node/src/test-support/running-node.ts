import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../../..");
/** The program of a storage node. */
export const STORAGE_NODE = join(ROOT, "apps/storage-node/bin/trellis-storage-node.js");
/** How long a probe of readiness may take. */
const PROBE_MS = 2_000;

/** What `/readyz` says. */
export interface Readiness {
  readonly status: number;
  readonly text: string;
}

/** How a process ended: its exit code, or the signal that killed it. */
export type Ended = number | NodeJS.Signals;

/** A storage node in a process of its own. */
export class RunningNode {
  /** Resolves once the process has ended, and all that it printed is there. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #log = "";

  /** Starts it in the clean environment of a user. */
  constructor(flags: readonly string[]) {
    const child = spawn(process.execPath, [STORAGE_NODE, "--log-format", "json", ...flags], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code ?? 1)));
    this.#child = child;
  }

  /** All that it has printed so far. */
  get log(): string {
    return this.#log;
  }

  /** Asks it to stop, and waits for its end. */
  stop(): Promise<Ended> {
    this.#child.kill("SIGTERM");
    return this.ended;
  }

  /** Ends it without a word, and waits for its end. */
  kill(): Promise<Ended> {
    this.#child.kill("SIGKILL");
    return this.ended;
  }
}

/** What a server says of its readiness; rejects while nobody listens. */
export async function readiness(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) });
  return { status: response.status, text: await response.text() };
}
