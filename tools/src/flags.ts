import { parseArgs } from "node:util";

/** What a tool's command line may say, and how its help describes it. */
export interface Flag {
  /** What stands for the value in the help: N, FILE; empty for a flag that is given or not. */
  readonly value: string;
  readonly help: string;
  readonly default?: string;
}

/** The flags as they were given or by default; undefined for one that was not given and has no default; whether it was given for one without a value. */
export type FlagValues<F extends Readonly<Record<string, Flag>>> = {
  readonly [Name in keyof F]: F[Name] extends { readonly value: "" }
    ? boolean
    : F[Name] extends { readonly default: string }
      ? string
      : string | undefined;
};

/** A command line that cannot be used; the message is one line, for its user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads a tool's flags. Throws a UsageError for one that does not exist. */
export function readFlags<F extends Readonly<Record<string, Flag>>>(
  args: readonly string[],
  flags: F,
): FlagValues<F> {
  const all = Object.entries(flags);
  const options = Object.fromEntries(
    all.map(([name, { value }]) => [
      name,
      { type: value === "" ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const defaults = Object.fromEntries(
    all.map(([name, flag]) => [name, flag.value === "" ? false : flag.default]),
  );
  try {
    return { ...defaults, ...parseArgs({ args: [...args], options }).values } as FlagValues<F>;
  } catch (error) {
    const known = all.map(([name, { value }]) => `--${name} ${value}`.trimEnd());
    const [reason = ""] = String((error as Error).message).split(/\. |\n/);
    throw new UsageError(`${reason}; there are ${known.join(", ")}, and --help`);
  }
}

/** A flag's value as a number. Throws a UsageError for one below `min`, and for a fraction unless `fractions`. */
export function numberFlag(
  name: string,
  text: string,
  {
    min,
    max,
    fractions = false,
  }: { readonly min: number; readonly max: number; readonly fractions?: boolean },
): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= min && value <= max && (fractions || Number.isInteger(value))) return value;
  const kind = fractions ? "a number" : "a whole number";
  throw new UsageError(`--${name}: expected ${kind} from ${min} to ${max}; found "${text}"`);
}

/** What `--help` prints. */
export function helpText(usage: string, flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags).map(
    ([name, flag]) => [`--${name} ${flag.value}`.trimEnd(), flag] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, flag]) => {
    const fallback = flag.default === undefined ? "" : ` (default ${flag.default})`;
    return `  ${left.padEnd(width)}  ${flag.help}${fallback}`;
  });
  return `${usage}\n\n${lines.join("\n")}\n`;
}

const OUTPUTS = [process.stdout, process.stderr] as const;

/**
 * Runs a tool: its exit code is what it returns, 2 after a UsageError, 1 after another error, of which one line is shown. The process ends then, whatever it has left open: a
 * process of Node that ends by itself closes its handles first, and one with connections of HTTP/2 that were cut was seen to wait for them for ever.
 * What it has printed is read first, however slow the reader is: Node drops at its exit what a pipe has not taken.
 */
export async function runTool(name: string, run: () => Promise<number>): Promise<never> {
  // A reader that has seen enough, as in `npm run sim … | head`, is no reason to leave work half done.
  for (const stream of OUTPUTS)
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  let exitCode: number;
  try {
    exitCode = await run();
  } catch (error) {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    exitCode = (error as Error).name === "UsageError" ? 2 : 1;
  }
  await Promise.all(OUTPUTS.map(written));
  process.exit(exitCode);
}

/** Waits until all that was written before is with the reader, or there is no reader any more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
