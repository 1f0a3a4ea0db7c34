import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What a reader saw while others did what they should not. */
export interface ProbeFigures {
  readonly reads: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A reader in a process of its own. */
export interface RunningProbe {
  /** Ends it; what it saw. */
  stop(): Promise<ProbeFigures>;
}

/** Starts a reader and waits until it is warm. Throws when it cannot read. */
export async function startProbe(origin: string): Promise<RunningProbe> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "probe.ts"), origin], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: first } = await lines.next();
  if (first !== "ready") throw new Error("the probe could not read from the server");
  return {
    async stop() {
      child.stdin.end();
      const { value } = await lines.next();
      await ended;
      return JSON.parse(String(value)) as ProbeFigures;
    },
  };
}
