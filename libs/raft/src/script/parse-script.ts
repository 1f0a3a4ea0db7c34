import { ScriptSyntaxError } from "./script-error.ts";

/** One argument of a directive: `1`, `voters=(1,2)`, `v1=true`. Without `=` there are no values. */
export interface Argument {
  readonly key: string;
  /** True with `=`, even when its list is empty. */
  readonly isNamed: boolean;
  readonly values: readonly string[];
}

/** One step of a script with what it printed when it was recorded. */
export interface Directive {
  /** Line of the command, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  /** The lines between the command and the rule. */
  readonly input: string;
  /** The lines after the rule. */
  readonly expected: readonly string[];
}

const rule = "----";

/**
 * Reads a script: comments (`#`), then per directive a command line (continued by `\`), input lines, a line `----`, and the
 * expected output up to a blank line; or, when the rule stands twice, up to the next double rule. Throws a ScriptSyntaxError
 * for a directive that does not end.
 */
export function parseScript(text: string): Directive[] {
  const lines = text.split(/\r?\n/);
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const first = lines[at]?.trim() ?? "";
    if (first === "" || first.startsWith("#")) {
      at++;
      continue;
    }
    const [directive, next] = takeDirective(lines, at);
    directives.push(directive);
    at = next;
  }
  return directives;
}

function takeDirective(lines: readonly string[], from: number): [directive: Directive, next: number] {
  const line = from + 1;
  let at = from;
  let text = lines[at++]?.trim() ?? "";
  while (text.endsWith("\\") && at < lines.length) text = `${text.slice(0, -1)} ${lines[at++]?.trim() ?? ""}`;
  const [command = "", ...args] = tokens(text);

  const [input, afterInput] = takeUntil(lines, at, (candidate) => candidate === rule);
  if (afterInput === lines.length) {
    throw new ScriptSyntaxError(
      line,
      `expected a line ${rule} after ${command}, found the end of the script`,
    );
  }
  at = afterInput + 1;
  const isDouble = lines[at] === rule;
  const [expected, afterExpected] = isDouble
    ? takeUntil(lines, at + 1, (candidate, next) => candidate === rule && next === rule)
    : takeUntil(lines, at, (candidate) => candidate.trim() === "");
  if (isDouble && afterExpected === lines.length) {
    throw new ScriptSyntaxError(line, `expected the output of ${command} to end with ${rule} twice`);
  }
  const directive = { line, command, args: args.map(parseArgument), input: input.join("\n"), expected };
  return [directive, afterExpected + (isDouble ? 2 : 1)];
}

function takeUntil(
  lines: readonly string[],
  from: number,
  isEnd: (line: string, next: string | undefined) => boolean,
): [taken: string[], end: number] {
  let end = from;
  while (end < lines.length && !isEnd(lines[end] ?? "", lines[end + 1])) end++;
  return [lines.slice(from, end), end];
}

/** Words; those in parentheses stay together with what is before them. */
function tokens(command: string): string[] {
  return command.match(/(?:\([^)]*\)|[^\s(])+/g) ?? [];
}

function parseArgument(token: string): Argument {
  const [, key = token, value] = /^([^=]*)=(.*)$/s.exec(token) ?? [];
  if (value === undefined) return { key: token, isNamed: false, values: [] };
  const list = /^\((.*)\)$/s.exec(value)?.[1];
  if (list === undefined) return { key, isNamed: true, values: [value] };
  const values = list.trim() === "" ? [] : list.split(",").map((item) => item.trim());
  return { key, isNamed: true, values };
}
