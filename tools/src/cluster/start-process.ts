import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";

import { repositoryRoot } from "../repository.ts";
import type { ClusterProcess } from "./cluster-shape.ts";
import type { StartedProcess } from "./supervisor.ts";

/** As the image sets it: blocks from this size on go back to the system when they are freed (mallopt(3), M_MMAP_THRESHOLD). */
const GIVES_MEMORY_BACK = { MALLOC_MMAP_THRESHOLD_: String(128 * 1024) };

/** Starts a process of the cluster; what it prints, on either stream, goes to `onOutput`. */
export function startProcess(
  { bin, flags, root = repositoryRoot }: ClusterProcess,
  onOutput: (text: string) => void,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): StartedProcess {
  const args = [join(root, bin), "--log-format", "json", ...flags];
  // A group of its own: Ctrl-C is for this process, which stops the others one after the other.
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...GIVES_MEMORY_BACK, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", onOutput);
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    signal(name) {
      if (child.exitCode === null && child.signalCode === null) child.kill(constants.signals[name]);
    },
  };
}
