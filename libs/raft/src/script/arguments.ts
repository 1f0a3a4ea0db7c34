import type { NodeId } from "../numbers.ts";
import { ScriptError } from "./script-error.ts";
import type { Directive } from "./parse-script.ts";

/** What a command may be given. */
export interface Usage {
  /** As `propose NODE DATA`: for errors. */
  readonly usage: string;
  /** The fewest and the most arguments without a value. */
  readonly positional: readonly [least: number, most: number];
  /** Names of arguments with values. */
  readonly options?: readonly string[];
}

/** Throws a ScriptError for an argument that the command does not know: it would otherwise do something else than it says. */
export function checkArguments(
  { command, args }: Directive,
  { usage, positional, options = [] }: Usage,
): void {
  const unknown = args.find((arg) => arg.isNamed && !options.includes(arg.key));
  if (unknown !== undefined) {
    const known = options.length === 0 ? "none" : `one of ${options.join(", ")}`;
    throw new ScriptError(`unknown option ${unknown.key} of ${command}: expected ${known}`);
  }
  const found = args.filter((arg) => !arg.isNamed).length;
  const [least, most] = positional;
  if (found < least || found > most)
    throw new ScriptError(`expected "${usage}", found ${found} arguments without a name`);
}

/** Throws a ScriptError for a command that this kind of script does not have. */
export function unknownCommand({ command }: Directive, known: readonly string[]): never {
  throw new ScriptError(`unknown command ${command}: expected one of ${known.join(", ")}`);
}

/** The node numbers among the arguments, in order. */
export function nodesIn(directive: Directive): NodeId[] {
  return positionalOf(directive).map(numberFrom);
}

/** The only value of a named argument; undefined when the argument is not there. */
export function valueOf(directive: Directive, key: string): string | undefined {
  return directive.args.find((arg) => arg.key === key)?.values[0];
}

/** The value of an argument that must be there. */
export function requiredValue(directive: Directive, key: string): string {
  const value = valueOf(directive, key);
  if (value === undefined) throw new ScriptError(`expected ${key}=... after ${directive.command}`);
  return value;
}

/** The arguments without a name, in order. */
export function positionalOf({ args }: Directive): readonly string[] {
  return args.filter(({ isNamed }) => !isNamed).map(({ key }) => key);
}

/** All values of a named argument, wherever it stands. */
export function valuesOf({ args }: Directive, key: string): readonly string[] {
  return args.filter((arg) => arg.key === key).flatMap(({ values }) => values);
}

export function numberFrom(text: string): number {
  if (!/^\d+$/.test(text)) throw new ScriptError(`expected a number, found "${text}"`);
  return Number(text);
}

export function booleanFrom(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw new ScriptError(`expected true or false, found "${text}"`);
}
