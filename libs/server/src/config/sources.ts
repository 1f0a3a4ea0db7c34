import { parse as parseYaml } from "yaml";

import { nearest } from "./nearest.ts";
import { type Options, optionKey, optionVariable } from "./option.ts";

/** A value as it was found, and where. */
export interface Found {
  readonly raw: unknown;
  /** For errors: `--listen`, `TRELLIS_LISTEN`, `listen in gateway.yaml`. */
  readonly origin: string;
}

/** What one source says: per option (in camelCase) the values in the order in which they came, and what is wrong with the rest. */
export interface Source {
  readonly found: ReadonlyMap<string, readonly Found[]>;
  readonly faults: readonly string[];
}

/** The flags that every program has. */
export interface CommonFlags {
  readonly help: boolean;
  readonly version: boolean;
  /** Of `--config`, or its environment variable. */
  readonly configFile: string | undefined;
}

/** The environment variable that names the file. */
export const CONFIG_VARIABLE = "TRELLIS_CONFIG";
const COMMON = ["help", "version", "config"];

/** Reads a command line: `--key value`, `--key=value`, `--switch`, `--no-switch`. */
export function readCommandLine(options: Options, args: readonly string[]): Source & CommonFlags {
  const names = new Map(Object.keys(options).map((name) => [optionKey(name), name]));
  const found = new Map<string, Found[]>();
  const faults: string[] = [];
  let help = false;
  let version = false;
  let configFile: string | undefined;

  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, key = "", inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const value = (): string | undefined => {
      const next = inline ?? args[at + 1];
      if (inline !== undefined || (next !== undefined && !/^--?[a-z]/i.test(next))) {
        if (inline === undefined) at += 1;
        return next;
      }
      faults.push(
        `--${key}: expected a value after it, found ${next === undefined ? "nothing" : `"${next}"`}`,
      );
      return undefined;
    };
    const plain = names.get(key);
    const negated = key.startsWith("no-") ? names.get(key.slice(3)) : undefined;
    if (arg === "-h" || key === "help") help = true;
    else if (arg === "-V" || key === "version") version = true;
    else if (key === "config") configFile = value();
    else if (plain !== undefined) {
      const raw = options[plain]?.arity === "switch" ? (inline ?? true) : value();
      if (raw !== undefined) add(found, plain, { raw, origin: `--${key}` });
    } else if (negated !== undefined && options[negated]?.arity === "switch")
      add(found, negated, { raw: false, origin: arg });
    else {
      faults.push(unknownArgument(arg, key, [...names.keys(), ...COMMON]));
      // What follows is most likely its value: one mistake is told once.
      if (key !== "" && inline === undefined && args[at + 1]?.startsWith("-") === false) at += 1;
    }
  }
  return { found, faults, help, version, configFile };
}

function unknownArgument(arg: string, key: string, known: readonly string[]): string {
  if (key === "") return `"${arg}": expected an option that begins with --; --help lists them`;
  const meant = nearest(key, known);
  return `--${key}: there is no such option${meant === undefined ? "; --help lists them all" : `; did you mean --${meant}?`}`;
}

/** Reads the environment. Several values stand between commas. Variables of other programs are left alone. */
export function readEnvironment(
  options: Options,
  environment: Readonly<Record<string, string | undefined>>,
): Source {
  const found = new Map<string, Found[]>();
  for (const [name, { arity }] of Object.entries(options)) {
    const origin = optionVariable(name);
    const value = environment[origin];
    if (value === undefined || value === "") continue;
    const values = arity === "many" ? value.split(",").map((one) => one.trim()) : [value];
    for (const raw of values) add(found, name, { raw, origin });
  }
  return { found, faults: [] };
}

/** Reads a file of YAML or JSON: one mapping, its keys as on the command line, without the dashes in front. */
export function readConfigFile(options: Options, path: string, readFile: (path: string) => string): Source {
  const found = new Map<string, Found[]>();
  const faults: string[] = [];
  let content: unknown;
  try {
    content = parseYaml(readFile(path));
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const fault =
      code === "ENOENT"
        ? "expected a file, found none"
        : `expected YAML or JSON, found: ${message.split("\n")[0]}`;
    return { found, faults: [`--config ${path}: ${fault}`] };
  }
  if (content === null || content === undefined) return { found, faults };
  if (typeof content !== "object" || Array.isArray(content)) {
    return {
      found,
      faults: [`--config ${path}: expected a mapping of keys to values, found ${shown(content)}`],
    };
  }
  const names = new Map(
    Object.keys(options).flatMap((name) => [[optionKey(name), name] as const, [name, name] as const]),
  );
  for (const [key, value] of Object.entries(content)) {
    const name = names.get(key);
    const origin = `${key} in ${path}`;
    if (name === undefined) {
      const meant = nearest(key, Object.keys(options).map(optionKey));
      faults.push(
        `${origin}: there is no such key${meant === undefined ? "; --help lists them all" : `; did you mean ${meant}?`}`,
      );
    } else if (options[name]?.arity === "many" && Array.isArray(value)) {
      for (const raw of value as unknown[]) add(found, name, { raw, origin });
    } else add(found, name, { raw: value, origin });
  }
  return { found, faults };
}

function add(found: Map<string, Found[]>, name: string, value: Found): void {
  found.set(name, [...(found.get(name) ?? []), value]);
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
