import { createCommandContext } from "./commands/command-context.ts";
import { serverUrl } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { CliError, errorText, type ErrorText, EXIT } from "./errors.ts";
import { createPaint } from "./output/paint.ts";
import { printable } from "./output/printable.ts";
import { createProgram } from "./program.ts";

/** Runs one command line, without the program's name, and returns its exit code. Errors are printed, never thrown. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context = createCommandContext(environment, (code) => {
    exitCode = code;
  });
  const program = createProgram(context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return environment.signal.aborted ? EXIT.interrupted : exitCode;
  } catch (error) {
    if (environment.signal.aborted) return EXIT.interrupted;
    if (isArgumentError(error)) return argumentError(error, args, environment);
    printError(
      environment,
      errorText(error, serverOf(program.opts<{ server?: string }>().server ?? environment.server)),
    );
    return CliError.is(error) ? error.exitCode : EXIT.failed;
  }
}

interface ArgumentError {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
}

/** Commander's way to end: help and version end well, and so does a program that is called with nothing. */
function isArgumentError(error: unknown): error is ArgumentError {
  return (
    typeof error === "object" &&
    error !== null &&
    String((error as { code?: unknown }).code).startsWith("commander.")
  );
}

function argumentError(error: ArgumentError, args: readonly string[], environment: Environment): number {
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code === "commander.help") return EXIT.usage;
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const command = args.find((arg) => !arg.startsWith("-"));
  const known = error.code !== "commander.unknownCommand" && command !== undefined;
  const guess = suggestion === undefined ? "" : `${suggestion.replace(/^\(/, "").replace(/\)$/, "")} `;
  printError(environment, { message, hint: `${guess}See "trellis ${known ? `${command} ` : ""}--help".` });
  return EXIT.usage;
}

function printError(environment: Environment, { message, hint }: ErrorText): void {
  const paint = createPaint(environment.colour);
  environment.stderr(`${paint.bad("error:")} ${printable(message)}\n`);
  if (hint !== undefined) environment.stderr(`${printable(hint)}\n`);
}

function serverOf(text: string): string {
  try {
    return serverUrl(text);
  } catch {
    return text;
  }
}
