import { createColors } from "picocolors";

import { type Option, type Options, optionKey, optionVariable } from "./option.ts";

/** What a program says of itself. */
export interface ProgramText {
  /** As it is called (`trellis-gateway`). */
  readonly name: string;
  readonly version: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Command lines that work, each with what it does. */
  readonly examples: readonly { readonly command: string; readonly does: string }[];
}

/** Widest text that reads well, in columns. */
const MAX_COLUMNS = 100;
const MIN_COLUMNS = 60;
const INDENT = 2;
const GAP = 2;

const COMMON_GROUP = "General";
const COMMON: readonly (readonly [flag: string, help: string])[] = [
  ["--config FILE", "Read options from a YAML or JSON file too; its keys are the options without the dashes"],
  ["-h, --help", "Show this"],
  ["-V, --version", "Show the version"],
];

/** The text of `--help`. */
export function helpText(
  program: ProgramText,
  options: Options,
  style: { readonly colour: boolean; readonly columns: number } = { colour: false, columns: 80 },
): string {
  const colours = createColors(style.colour);
  const columns = Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, style.columns));
  const groups = new Map<string, (readonly [string, string])[]>();
  for (const [name, option] of Object.entries(options)) {
    groups.set(option.group, [
      ...(groups.get(option.group) ?? []),
      [flagText(name, option), describe(option)],
    ]);
  }
  groups.set(COMMON_GROUP, [...(groups.get(COMMON_GROUP) ?? []), ...COMMON]);
  const flagColumns = Math.max(...[...groups.values()].flat().map(([flag]) => flag.length));
  const left = INDENT + flagColumns + GAP;

  const lines = [
    `${colours.bold(program.name)}: ${program.summary}`,
    "",
    `${colours.bold("Usage")}  ${program.name} [options]`,
  ];
  for (const [title, entries] of groups) {
    lines.push("", colours.bold(title));
    for (const [flag, help] of entries) {
      const [first = "", ...rest] = wrap(help, columns - left);
      lines.push(`${" ".repeat(INDENT)}${colours.cyan(flag.padEnd(flagColumns))}${" ".repeat(GAP)}${first}`);
      for (const line of rest) lines.push(" ".repeat(left) + line);
    }
  }
  lines.push("", ...wrap(sourcesText(Object.keys(options)), columns));
  if (program.examples.length > 0) lines.push("", colours.bold("Examples"));
  for (const { command, does } of program.examples) {
    lines.push(`${" ".repeat(INDENT)}${colours.dim(`# ${does}`)}`, `${" ".repeat(INDENT)}${command}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Where else options may stand; what is longest among them makes the rule plain. */
function sourcesText(names: readonly string[]): string {
  const [example = "config"] = names.toSorted((a, b) => b.length - a.length);
  return `Options may also stand in the environment (--${optionKey(example)} is ${optionVariable(example)}) or in the file. A flag wins over the environment, and the environment over the file.`;
}

function flagText(name: string, option: Option<unknown>): string {
  return option.arity === "switch"
    ? `--${optionKey(name)}`
    : `--${optionKey(name)} ${option.type.placeholder}`;
}

function describe(option: Option<unknown>): string {
  const many = option.arity === "many" ? "; may be repeated" : "";
  const fallback = option.fallbackText === undefined ? "" : ` [${option.fallbackText}]`;
  return `${option.help}${many}${fallback}`;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
