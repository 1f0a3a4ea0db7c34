import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { programEnvironment, repositoryRoot } from "./checkout.ts";

/** A standalone server in a process of its own, as a user starts it. */
export interface Standalone {
  stdout(): string;
  stderr(): string;
  /** The first match in what it printed, once there is one. Throws with all that it printed when there is none in time. */
  seen(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** The URL of its start screen. */
  url(): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it if it still runs. */
  end(): Promise<void>;
}

const SEEN_TIMEOUT_MS = 15_000;
const LOOK_INTERVAL_MS = 10;

/** The flags that say where resources are kept. */
const PLACES = /^--(memory|backend|data-dir)/;

/**
 * Starts a standalone server with these flags; with a data directory of its own, unless they say where resources are kept. `nodeFlags` are for Node.
 */
export function startStandalone(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  nodeFlags: readonly string[] = [],
): Standalone {
  const ownDirectory = args.some((arg) => PLACES.test(arg))
    ? undefined
    : mkdtempSync(join(tmpdir(), "trellis-standalone-"));
  const place = ownDirectory === undefined ? [] : ["--data-dir", ownDirectory];
  const program = [...nodeFlags, "apps/standalone/bin/trellis-standalone.js"];
  const child = spawn(process.execPath, [...program, ...place, ...args], {
    cwd: repositoryRoot,
    env: programEnvironment(environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on("close", (code, signal) => {
      if (ownDirectory !== undefined) rmSync(ownDirectory, { recursive: true, force: true });
      resolve(code ?? signal ?? 1);
    }),
  );
  const seen: Standalone["seen"] = async (pattern, timeoutMs = SEEN_TIMEOUT_MS) => {
    for (const endsMs = performance.now() + timeoutMs; performance.now() < endsMs;) {
      const match = pattern.exec(stdout) ?? pattern.exec(stderr);
      if (match !== null) return match;
      await setTimeout(LOOK_INTERVAL_MS);
    }
    throw new Error(`expected ${pattern} within ${timeoutMs} ms, found:\n${stdout}${stderr}`);
  };
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    seen,
    url: async () => (await seen(/running at (http:\S+)/))[1] ?? "",
    signal: (name) => void child.kill(name),
    ended,
    async end() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
