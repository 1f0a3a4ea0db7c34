import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";

import { programEnvironment, repositoryRoot } from "./checkout.ts";

/** A program in a process of its own. */
export interface RunningProgram {
  /** What it has logged and printed so far. */
  output(): string;
  /** The first match in its output, once there is one. Throws with all of it when there is none in time. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  /** Where it listens, as it logs it. */
  url(): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it if it still runs. */
  end(): Promise<void>;
}

const SEEN_TIMEOUT_MS = 20_000;
const LOOK_INTERVAL_MS = 20;

/** Starts `apps/<app>` with these flags; it logs as JSON. */
export function startProgram(app: "controller-manager" | "gateway", args: readonly string[]): RunningProgram {
  const bin = `apps/${app}/bin/trellis-${app}.js`;
  const child = spawn(process.execPath, [bin, "--log-format", "json", ...args], {
    cwd: repositoryRoot,
    env: programEnvironment({}),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal ?? 1)),
  );
  const seen: RunningProgram["seen"] = async (pattern) => {
    // One that has ended says nothing more.
    const match = await Promise.race([
      eventually(() => pattern.exec(output) ?? undefined),
      ended.then(() => pattern.exec(output) ?? undefined),
    ]);
    if (match === undefined) throw new Error(`expected ${pattern} of the ${app}, found:\n${output}`);
    return match;
  };
  return {
    output: () => output,
    seen,
    url: async () => (await seen(/"url":"([^"]+)"/))[1] ?? "",
    signal: (name) => void child.kill(name),
    ended,
    async end() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Asks again until there is an answer; undefined when there is none in time. */
export async function eventually<T>(
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  for (const endsMs = performance.now() + SEEN_TIMEOUT_MS; performance.now() < endsMs;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await setTimeout(LOOK_INTERVAL_MS);
  }
  return undefined;
}
