import type { Transport } from "@connectrpc/connect";
import { type Clock, systemClock } from "@trellis/resource";

import { connectionOver } from "../connection.ts";
import type { Editor } from "../editing/editor.ts";
import { run } from "../run.ts";

/** What a command printed, and how it ended. */
export interface Printed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a test's commands run. */
export interface TerminalOptions {
  readonly clock?: Clock;
  readonly cwd?: string;
  readonly colour?: boolean;
  /** The width of a terminal that both outputs are; pipes when absent. */
  readonly columns?: number;
}

/** One command's own circumstances. */
export interface CommandOptions {
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly readerGone?: AbortSignal;
  readonly editor?: Editor;
  /** Called with everything that the command writes to its standard output, as it does. */
  readonly onOutput?: (text: string) => void;
}

/** The address that in-memory servers are said to have. */
export const TEST_SERVER = "http://trellis.test:7500";

/** A terminal in memory: runs commands against a transport. */
export function createTerminal(
  transport: Transport,
  { clock = systemClock, cwd = "/", colour = false, columns }: TerminalOptions = {},
) {
  return async (
    command: string | readonly string[],
    { stdin = "", signal, readerGone, onOutput, editor }: CommandOptions = {},
  ): Promise<Printed> => {
    let stdout = "";
    let stderr = "";
    const exitCode = await run(typeof command === "string" ? command.split(" ") : command, {
      stdout(text) {
        stdout += text;
        onOutput?.(text);
      },
      stderr(text) {
        stderr += text;
      },
      stdin: (async function* () {
        yield Buffer.from(stdin);
      })(),
      cwd,
      clock,
      server: TEST_SERVER,
      colour,
      columns,
      errorColumns: columns,
      editor,
      signal: signal ?? new AbortController().signal,
      readerGone: readerGone ?? new AbortController().signal,
      connect: (server) => connectionOver(transport, server, clock),
    });
    return { exitCode, stdout, stderr };
  };
}
