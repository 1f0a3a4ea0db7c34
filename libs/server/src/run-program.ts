import { createColors } from "picocolors";
import type { Clock } from "@trellis/resource";
import type { Logger } from "pino";

import { ConfigError } from "./config/config-error.ts";
import type { ProgramText } from "./config/help.ts";
import { loadConfig } from "./config/load-config.ts";
import type { Options, Values } from "./config/option.ts";
import { ListenError } from "./listen-error.ts";
import { createLogger, type LogFormat, type LogLevel, type Output } from "./logger.ts";

/** The process that a program runs in. `nodeProcess` makes one of the real one. */
export interface ProgramProcess {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly readFile: (path: string) => string;
  readonly clock: Clock;
  /** Calls back for each SIGTERM and SIGINT, with the signal's number. */
  onSignal(listener: (number: number) => void): void;
  /** Calls back for a promise that was rejected and that nobody waits for. */
  onUnhandledRejection(listener: (reason: unknown) => void): void;
  exit(code: number): void;
}

/** What a program is given to run with. */
export interface ProgramContext<O extends Options> {
  readonly values: Values<O>;
  readonly log: Logger;
  readonly stdout: Output;
  /** Whether to write colours to stdout. */
  readonly colour: boolean;
}

/** A service: how it is configured, and how it is started. */
export interface Program<O extends Options> extends ProgramText {
  readonly options: O;
  /** Recognises the errors, besides those of configuration and listening, whose message is all that a user needs. */
  readonly isUserError?: (error: unknown) => boolean;
  /** Starts it. */
  start(context: ProgramContext<O>): Promise<RunningProgram>;
}

/** A program that was started. */
export interface RunningProgram {
  stop(): Promise<void>;
  /** Resolves when it cannot go on by itself, as when its disk failed: it is stopped then, and ends with 1. */
  readonly failed?: Promise<Error> | undefined;
}

const SIGNAL_EXIT_CODE = 128;
/** A terminal and a package manager both pass on one Ctrl-C: a signal this soon after the first is the same one. */
const SAME_SIGNAL_MS = 500;
/** How long a program that failed may take to end. */
const FAILED_STOP_MS = 10_000;

/**
 * Runs a service until it is told to stop: reads the configuration, answers `--help` and `--version`, starts it, and on the first
 * SIGTERM or SIGINT stops it and exits with 0; a second one exits at once. One that cannot go on says why, is stopped, and exits with 1. A user's error
 * is one or two lines on stderr and exit code 1.
 */
export async function runProgram<O extends Options & LogOptions>(
  program: Program<O>,
  process: ProgramProcess,
): Promise<void> {
  const { stdout, stderr } = process;
  const report = (what: string, error: unknown): void => {
    stderr.write(failureText(program, what, error, wantsColour(stderr, process)));
  };
  let running: RunningProgram | undefined;
  let firstSignalAt: number | undefined;
  // Before it has started there is nothing to finish.
  const end = endOnce(() => running?.stop() ?? Promise.resolve(), { process, report });
  process.onSignal((number) => {
    const now = process.clock.monotonic();
    if (firstSignalAt !== undefined) {
      if (now - firstSignalAt > SAME_SIGNAL_MS) process.exit(SIGNAL_EXIT_CODE + number);
      return;
    }
    firstSignalAt = now;
    end(0);
  });
  try {
    const config = loadConfig(program, program.options, process);
    if (config.kind === "help") {
      stdout.write(config.text({ colour: wantsColour(stdout, process), columns: stdout.columns ?? 80 }));
      process.exit(0);
      return;
    }
    if (config.kind === "version") {
      stdout.write(`${config.text}\n`);
      process.exit(0);
      return;
    }
    const { values } = config;
    const { logLevel: level, logFormat: format } = values as Values<LogOptions>;
    const log = createLogger({
      name: program.name,
      level,
      format,
      output: stderr,
      colour: wantsColour(stderr, process),
    });
    // Types, rules and controllers are other people's code: a promise that one of them forgot must not end everybody's server.
    process.onUnhandledRejection((reason) =>
      log.error({ err: reason }, "a promise was rejected and nobody waited for it"),
    );
    const started = await program.start({ values, log, stdout, colour: wantsColour(stdout, process) });
    running = started;
    void started.failed?.then((error) => {
      report("had to stop", error);
      end(1);
      // What failed may be what its end waits for.
      process.clock.after(FAILED_STOP_MS, () => process.exit(1));
    });
  } catch (error) {
    report("failed to start", error);
    process.exit(1);
  }
}

/** Stops what runs, once, whoever asks first; then the process ends with the highest exit code that was asked for. */
function endOnce(
  stop: () => Promise<void>,
  {
    process,
    report,
  }: { readonly process: ProgramProcess; readonly report: (what: string, error: unknown) => void },
): (exitCode: number) => void {
  let highest = 0;
  let isEnding = false;
  return (exitCode) => {
    highest = Math.max(highest, exitCode);
    if (isEnding) return;
    isEnding = true;
    stop().then(
      () => process.exit(highest),
      (error: unknown) => {
        report("failed to stop", error);
        process.exit(1);
      },
    );
  };
}

/** The options that every program has, for its log. */
type LogOptions = {
  readonly logLevel: Options[string] & { readonly fallback: LogLevel };
  readonly logFormat: Options[string] & { readonly fallback: LogFormat };
};

function wantsColour(output: Output, { environment }: ProgramProcess): boolean {
  return output.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

/** What a failed start or stop says: for a user's error its message alone, for a defect everything. */
function failureText(program: Program<Options>, what: string, error: unknown, colour: boolean): string {
  const colours = createColors(colour);
  const known = ConfigError.is(error) || ListenError.is(error) || program.isUserError?.(error) === true;
  const lines = ConfigError.is(error)
    ? error.faults
    : [known ? (error as Error).message : `${what}: ${textOf(error)}`];
  return lines.map((line) => `${colours.red(program.name)}: ${line}\n`).join("");
}

function textOf(error: unknown): string {
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  return typeof stack === "string" ? stack : String(error);
}
