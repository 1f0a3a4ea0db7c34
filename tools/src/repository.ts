import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { delimiter, join } from "node:path";

import {
  createProcessFamily,
  type ProcessFamily,
  type RunningProcess,
  signalProcess,
} from "./process-family.ts";

/** The checkout's root folder. */
export const repositoryRoot = join(import.meta.dirname, "../..");

/** The path of a file in the repository. */
export function inRepository(...parts: string[]): string {
  return join(repositoryRoot, ...parts);
}

/** How a command ended. */
export interface CommandResult {
  /** 1 when a signal ended it. */
  readonly exitCode: number;
  /** Standard output and standard error as they came. */
  readonly output: string;
  /** It did not end by itself, and was ended for the reason given. */
  readonly stopped: string | undefined;
  /** What it left running; ended as well. */
  readonly left: readonly RunningProcess[];
}

/** How to run a command. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take; then it is ended with everything that it has started. */
  readonly timeoutMs?: number;
  /** Ends it earlier; the signal's reason is told. */
  readonly signal?: AbortSignal;
  /** Told each piece of its output. */
  readonly onOutput?: (text: string) => void;
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** Between asking a command to end and killing it; also how long its last output is waited for. */
const GRACE_MS = 2_000;
/** What a shell has for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/**
 * Runs a command of the toolchain in the repository, with `node_modules/.bin` first in its path, and waits until it has ended. It ends, or is
 * ended, with every process that it has started. Rejects for a command that cannot be started.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const path = [inRepository("node_modules/.bin"), process.env["PATH"]].join(delimiter);
  const family = createProcessFamily(randomUUID());
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? repositoryRoot,
      env: { ...process.env, PATH: path, ...options.env, ...family.environment },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: Ctrl-C reaches this process alone, which then ends the command.
      detached: true,
    });
    const output = collect(child, options.onOutput);
    const ending = endOnRequest({ child, family }, timeoutMs, options.signal);
    child.on("error", (error) => {
      ending.cancel();
      reject(error);
    });
    child.on("exit", (code) => {
      ending.cancel();
      const left = family.living();
      family.signal("SIGKILL");
      // A process that got away could hold the pipes open for ever. What came while this process stood still is read before.
      const giveUp = setTimeout(() => setImmediate(finish), GRACE_MS);
      child.once("close", finish);
      function finish(): void {
        clearTimeout(giveUp);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ exitCode: code ?? 1, output: output(), stopped: ending.reason(), left });
      }
    });
  });
}

function collect(child: ChildProcess, onOutput: CommandOptions["onOutput"]): () => string {
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      pieces.push(text);
      onOutput?.(text);
    });
  }
  return () => pieces.join("");
}

/** Ends the command when its time is up, when the signal says so, and when this process is told to end. */
function endOnRequest(
  { child, family }: { readonly child: ChildProcess; readonly family: ProcessFamily },
  timeoutMs: number,
  signal: AbortSignal | undefined,
) {
  let reason: string | undefined;
  let kill: NodeJS.Timeout | undefined;
  const signalAll = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined) signalProcess(-child.pid, name);
    family.signal(name);
  };
  const end = (why: string): void => {
    if (reason !== undefined) return;
    reason = why;
    signalAll("SIGTERM");
    kill = setTimeout(() => signalAll("SIGKILL"), GRACE_MS);
  };
  const timer = setTimeout(() => end(`it took longer than ${timeoutMs / 1_000} s`), timeoutMs);
  const onAbort = (): void => end(String(signal?.reason));
  const onInterrupt = (): void => {
    signalAll("SIGKILL");
    // Other commands that run beside this one have to be ended too.
    setImmediate(() => process.exit(INTERRUPTED));
  };
  signal?.addEventListener("abort", onAbort);
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onInterrupt);
  return {
    reason: () => reason,
    cancel(): void {
      clearTimeout(timer);
      clearTimeout(kill);
      signal?.removeEventListener("abort", onAbort);
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onInterrupt);
    },
  };
}
