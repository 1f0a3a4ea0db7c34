import { parseScript, type Directive } from "./parse-script.ts";

/** Performs a directive and returns what it prints. */
export type DirectiveHandler = (directive: Directive) => string;

/** A directive that did not print what was recorded. */
export interface ScriptDifference {
  readonly directive: Directive;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

export interface ScriptResult {
  readonly directives: number;
  readonly differences: readonly ScriptDifference[];
}

/**
 * Runs a script to its end, differences or not. Log lines, which recordings may have among the output, are looked at on
 * neither side. Trailing blanks do not count.
 */
export function runScript(text: string, handle: DirectiveHandler): ScriptResult {
  const directives = parseScript(text);
  const differences = directives.flatMap((directive): ScriptDifference[] => {
    const actual = comparable(outputOf(handle, directive).split("\n"));
    const expected = comparable(directive.expected);
    return sameLines(expected, actual) ? [] : [{ directive, expected, actual }];
  });
  return { directives: directives.length, differences };
}

/** A handler that fails prints why, and the script goes on: one defect, one difference. */
function outputOf(handle: DirectiveHandler, directive: Directive): string {
  try {
    return handle(directive);
  } catch (error) {
    return `failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

function comparable(lines: readonly string[]): string[] {
  const kept = lines
    .filter((line) => !/^ *(?:DEBUG|INFO|WARN|ERROR|FATAL) /.test(line))
    .map((line) => line.trimEnd());
  while (kept.at(-1) === "") kept.pop();
  // "ok" stands for no output. A recording that had only log lines has no such word.
  return kept.length === 1 && kept[0] === "ok" ? [] : kept;
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}
