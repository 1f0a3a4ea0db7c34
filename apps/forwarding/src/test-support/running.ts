import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../../..");

/** A program of an app that runs until it is told to stop. */
export interface Running {
  readonly process: ChildProcess;
  /** Its log so far. */
  log(): string;
  /** Asks it to stop; its exit code. */
  stop(): Promise<number>;
}

/** Starts an app's program, in the clean environment of a user. */
export function start(app: string, flags: readonly string[]): Running {
  const bin = join(ROOT, `apps/${app}/bin/trellis-${app}.js`);
  const child = spawn(process.execPath, [bin, ...flags], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  return {
    process: child,
    log: () => log,
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = (await exited) as [number];
      return code;
    },
  };
}
