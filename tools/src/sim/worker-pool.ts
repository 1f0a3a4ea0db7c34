import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

import type { SimulationReport } from "@trellis/testkit/sim";

import type { RunName } from "./run.ts";

/** A run that ended otherwise than with a report. */
export interface BrokenRun {
  readonly failedRun: RunName;
  readonly text: string;
}

/** How long a run may take in real time: one that never ends is a finding, too. */
const RUN_MS = 120_000;
const WORKERS = 2;
/** Runs of one process: what a run leaves behind when it ends, its open watches above all, goes with the process. */
const RUNS_OF_WORKER = 40;

/** Runs many seeds over several processes. `onResult` is told of each, in no order; false from it ends the rest. */
export async function runSeeds(
  runs: Iterable<RunName>,
  onResult: (result: SimulationReport | BrokenRun) => boolean,
): Promise<void> {
  const source = runs[Symbol.iterator]();
  let goesOn = true;
  const next = (): RunName | undefined => {
    const step = goesOn ? source.next() : { done: true as const, value: undefined };
    return step.done === true ? undefined : step.value;
  };
  const serve = async (): Promise<void> => {
    let worker: ChildProcess | undefined;
    let served = 0;
    for (let run = next(); run !== undefined; run = next()) {
      worker ??= fork(join(import.meta.dirname, "worker.ts"));
      const result = await runOne(worker, run);
      served++;
      if ("failedRun" in result || served % RUNS_OF_WORKER === 0) {
        worker.kill("SIGKILL");
        worker = undefined;
      }
      goesOn = onResult(result) && goesOn;
    }
    worker?.kill();
  };
  await Promise.all(Array.from({ length: WORKERS }, serve));
}

async function runOne(worker: ChildProcess, run: RunName): Promise<SimulationReport | BrokenRun> {
  return await new Promise((resolve) => {
    const settle = (result: SimulationReport | BrokenRun): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      resolve(result);
    };
    const timer = setTimeout(() => {
      settle({ failedRun: run, text: `the run does not end within ${RUN_MS} ms` });
    }, RUN_MS);
    worker.once("message", (message) => {
      const result = message as SimulationReport | { readonly failedRun: unknown; readonly text: string };
      settle("failedRun" in result ? { failedRun: run, text: result.text } : result);
    });
    worker.once("exit", (code, signal) => {
      settle({ failedRun: run, text: `the worker ended with ${code ?? signal}` });
    });
    worker.send(run);
  });
}
