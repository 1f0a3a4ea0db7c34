import type { NodeId } from "../numbers.ts";
import { ScriptError } from "./script-error.ts";
import type { Directive } from "./parse-script.ts";

/** The node numbers among the arguments, in order. */
export function nodesIn({ args }: Directive): NodeId[] {
  return args.filter(({ values }) => values.length === 0).map(({ key }) => numberFrom(key));
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
