import { cpuMicrosecondsOf, residentBytesOf } from "@trellis/testkit";

import type { ServerProcessId } from "./deployment.ts";

/** What a process has used. */
export interface ProcessFigures {
  readonly name: string;
  /** User and system time so far, in microseconds. */
  readonly cpuUs: number;
  readonly residentBytes: number;
}

/** What each process has used; undefined where /proc is missing. Throws for a process that is gone: its figures would be missing in the sums. */
export function figuresOf(processes: readonly ServerProcessId[]): readonly ProcessFigures[] | undefined {
  if (process.platform !== "linux") return undefined;
  return processes.map(({ name, pid }) => {
    const cpuUs = cpuMicrosecondsOf(pid);
    const residentBytes = residentBytesOf(pid);
    if (cpuUs === undefined || residentBytes === undefined)
      throw new Error(`expected process ${pid}, which is ${name}, to be running, found none`);
    return { name, cpuUs, residentBytes };
  });
}
