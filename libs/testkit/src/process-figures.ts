import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Clock ticks per second in /proc: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process so far, in microseconds; undefined where /proc is missing. */
export function cpuMicrosecondsOf(pid: number): number | undefined {
  try {
    // The fields after the command's closing parenthesis: the 12th and 13th are utime and stime (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
  } catch {
    return undefined;
  }
}

/** Resident memory of a process in bytes; undefined where /proc is missing. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return line === undefined ? undefined : Number(line) * 1024;
  } catch {
    return undefined;
  }
}

/** How many sockets a process has open; undefined where /proc is missing. */
export function openSocketsOf(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((descriptor) => isSocket(pid, descriptor)).length;
  } catch {
    return undefined;
  }
}

function isSocket(pid: number, descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false; // closed between the listing and the look
  }
}
