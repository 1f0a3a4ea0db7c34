import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";

/** The checkout's root folder. */
export const repositoryRoot = join(import.meta.dirname, "../..");

/** The path of a file in the repository. */
export function inRepository(...parts: string[]): string {
  return join(repositoryRoot, ...parts);
}

/** What a finished command said. */
export interface CommandResult {
  readonly exitCode: number;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

/** Runs a command of the toolchain in the repository; tools are found in `node_modules/.bin`. With `live` its output is also shown. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly live?: boolean;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<CommandResult> {
  const path = [inRepository("node_modules/.bin"), process.env["PATH"]].join(delimiter);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? repositoryRoot,
      env: { ...process.env, PATH: path, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (options.live === true) process.stdout.write(chunk);
      });
    }
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString("utf8") }),
    );
  });
}
