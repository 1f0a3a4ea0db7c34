import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, join } from "node:path";

/** The checkout's root folder. */
export const repositoryRoot = join(import.meta.dirname, "../../..");

/** What a finished program said. */
export interface ProgramResult {
  /** 1 for a program that was ended by {@link ProgramOptions.endWhen} or by its timeout. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface ProgramOptions {
  /** Given as its standard input; none when absent. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program when it takes longer. */
  readonly timeoutMs?: number;
  /** For programs that would go on for ever: asked with all of stdout after each piece of it, and ends the program once it is true. */
  readonly endWhen?: (stdout: string) => boolean;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** A program that says more than this is ended: a test that needs more looks at something else. */
const MAX_OUTPUT_CHARACTERS = 64 * 1024 * 1024;

/** Runs a program to its end, in the checkout unless told otherwise; the toolchain's own programs are found without a path. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? repositoryRoot,
      env: programEnvironment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that what the program starts ends with it.
      detached: process.platform !== "win32",
    });
    const timer = setTimeout(() => killGroup(child), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.length > MAX_OUTPUT_CHARACTERS || options.endWhen?.(stdout) === true) killGroup(child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 1, stdout, stderr });
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** This process's environment for a program under test: the toolchain's programs are found first, and jest's own flags are left out. */
export function programEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = [join(repositoryRoot, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
  return { ...process.env, NODE_OPTIONS: "", PATH: path, ...more };
}

/** Kills a program and what it started: wrappers such as npm's bins leave the real program behind otherwise. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself meanwhile.
  }
}
