import { ConfigError } from "./config-error.ts";
import { helpText, type ProgramText } from "./help.ts";
import { type Option, type Options, type Values } from "./option.ts";
import {
  CONFIG_VARIABLE,
  type Found,
  readCommandLine,
  readConfigFile,
  readEnvironment,
  shown,
  type Source,
} from "./sources.ts";

/** Where a configuration is read from. */
export interface ConfigInput {
  /** Without the program itself. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; throws as node:fs does. */
  readonly readFile: (path: string) => string;
}

/** What the command line asks for: to run, or to say something and end. */
export type LoadedConfig<O extends Options> =
  | { readonly kind: "run"; readonly values: Values<O> }
  | {
      readonly kind: "help";
      readonly text: (style?: { readonly colour: boolean; readonly columns: number }) => string;
    }
  | { readonly kind: "version"; readonly text: string };

/**
 * Reads the configuration of a program: flag over environment over file over default. An option that may be given several times takes
 * all its values from the first of these that names it. Throws a {@link ConfigError} with everything that is wrong.
 */
export function loadConfig<O extends Options>(
  program: ProgramText,
  options: O,
  input: ConfigInput,
): LoadedConfig<O> {
  const commandLine = readCommandLine(options, input.args);
  if (commandLine.help) return { kind: "help", text: (style) => helpText(program, options, style) };
  if (commandLine.version) return { kind: "version", text: `${program.name} ${program.version}` };
  const path = commandLine.configFile ?? input.environment[CONFIG_VARIABLE];
  const sources: Source[] = [commandLine, readEnvironment(options, input.environment)];
  if (path !== undefined && path !== "") sources.push(readConfigFile(options, path, input.readFile));

  const faults = sources.flatMap((source) => source.faults);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const found = sources.map((source) => source.found.get(name)).find((one) => one !== undefined);
    values[name] = found === undefined ? option.fallback : read(option, found, faults);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return { kind: "run", values: values as Values<O> };
}

function read(option: Option<unknown>, found: readonly Found[], faults: string[]): unknown {
  const values = found.map(({ raw, origin }) => {
    const scalar = typeof raw === "string" || typeof raw === "number" || typeof raw === "boolean";
    const parsed = scalar ? option.type.parse(raw) : { expected: `one value (${option.type.placeholder})` };
    if (!("expected" in parsed)) return parsed.value;
    faults.push(`${origin}: expected ${parsed.expected}; found ${shown(raw)}`);
    return undefined;
  });
  // Said twice on one command line, the last one counts, as everywhere.
  return option.arity === "many" ? values : values.at(-1);
}
