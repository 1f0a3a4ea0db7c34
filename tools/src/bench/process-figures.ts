import { readFileSync } from "node:fs";

import type { ServerProcessId } from "./deployment.ts";

/** Clock ticks per second, and bytes of a page, in /proc on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

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
    // The fields after the command's closing parenthesis: the 12th and 13th are utime and stime, the 22nd is rss (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return {
      name,
      cpuUs: ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6,
      residentBytes: Number(fields[21]) * PAGE_BYTES,
    };
  });
}
