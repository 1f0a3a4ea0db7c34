import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

import { BenchError } from "../bench-error.ts";
import type { Deployment } from "../deployment.ts";
import type { Row } from "./rows.ts";
import type { ReportOfStart } from "./server/report-of-start.ts";

const PROGRAM = join(import.meta.dirname, "server/main.ts");
/** As Trellis's servers have it: else much of what a call leaves behind lives until a full collection. */
const NODE_FLAGS = ["--no-allocation-site-pretenuring"];
/** To fill a store and a log of 64 MiB on a busy machine. */
const READY_MS = 60_000;

/** Starts the server of a row in a process of its own, with its log below a directory, and resolves when it answers. */
export async function startFloorServer(row: Row, directory: string): Promise<Deployment> {
  const child = fork(PROGRAM, [row, join(directory, `${row}.log`)], {
    execArgv: NODE_FLAGS,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await exited;
  };
  try {
    const url = await urlOf(row, child);
    const { pid } = child;
    if (pid === undefined) throw new BenchError(`the server of ${row} has no process`);
    return { url, processes: () => [{ name: row, pid }], stop };
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw error;
  }
}

function urlOf(row: Row, child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new BenchError(`the server of ${row} did not listen within ${READY_MS} ms`)),
      READY_MS,
    );
    child.once("message", (report: ReportOfStart) => {
      clearTimeout(timer);
      if ("url" in report) resolve(report.url);
      else reject(new BenchError(`the server of ${row} cannot begin: ${report.failure}`));
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new BenchError(`the server of ${row} ended with ${signal ?? code} before it listened`));
    });
  });
}
