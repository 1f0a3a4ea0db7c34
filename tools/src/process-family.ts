import { readdirSync, readFileSync } from "node:fs";

/** A process, as people know it. */
export interface RunningProcess {
  readonly pid: number;
  readonly commandLine: string;
}

/** What tells a command's processes from all others: each inherits a variable, whatever group it makes for itself. */
export interface ProcessFamily {
  /** The environment to start the first of them with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Those that are alive; none where /proc is missing. */
  living(): readonly RunningProcess[];
  /** Sends a signal to each. */
  signal(signal: NodeJS.Signals): void;
}

const MARK = "TRELLIS_TOOLS_FAMILY";

/** Makes a family that has no process yet. `name` is unique on this machine. */
export function createProcessFamily(name: string): ProcessFamily {
  // A family within a family belongs to both.
  const mark = `${process.env[MARK] ?? ""}/${name}/`;
  const living = (): readonly RunningProcess[] =>
    processIds()
      .filter((pid) => isAlive(pid) && readOrEmpty(`/proc/${pid}/environ`).includes(`${MARK}=${mark}`))
      .map((pid) => ({ pid, commandLine: commandLineOf(pid) }))
      // One without has ended since it was looked at.
      .filter(({ commandLine }) => commandLine !== "");
  return {
    environment: { [MARK]: mark },
    living,
    signal(signal) {
      for (const { pid } of living()) signalProcess(pid, signal);
    },
  };
}

/** Whether a process is alive: one that has ended and that nobody has asked about is not. */
export function isAlive(pid: number): boolean {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // After the command's closing parenthesis: the state (proc(5)).
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state !== "" && state !== "Z";
}

/** Sends a signal to a process, or to a group (negative); one that is gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function processIds(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function commandLineOf(pid: number): string {
  return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Gone between the listing and the look, or another user's.
  }
}
