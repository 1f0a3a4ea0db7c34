import { existsSync } from "node:fs";
import { join, normalize } from "node:path";

import type { PageFinding } from "./markdown-files.ts";
import type { TrellisHelp } from "./trellis-help.ts";

/** What commands may name. */
export interface KnownCommands {
  /** The scripts of the root's package.json. */
  readonly scripts: ReadonlySet<string>;
  readonly help: TrellisHelp;
  /** Where paths begin: documented commands are run at the root of the checkout. */
  readonly root: string;
}

/** What npm does without a script. */
const NPM_COMMANDS = new Set(["install", "ci", "pack", "publish", "init", "ls"]);
/** Scripts that npm runs without `run`. */
const NPM_SHORT = new Set(["start", "test", "stop", "restart"]);
/** Flags whose value is a path, if it does not stand for standard input. */
const PATH_FLAGS = new Set(["-f", "--filename", "--domain"]);

/** The commands in a page's `sh` blocks that name what is not there: npm scripts, `trellis` commands and their flags, files of the checkout. */
export async function unknownCommands(text: string, known: KnownCommands): Promise<readonly PageFinding[]> {
  const findings: PageFinding[] = [];
  const made: string[] = [];
  for (const { line, words } of commandsOf(text)) {
    if (words[0] === "mkdir") made.push(...words.slice(1).map(normalize));
    const descriptions = [
      ...missingScript(words, known),
      ...(await unknownTrellis(words, known)),
      ...missingPaths(words, known)
        .filter((path) => !isWithin(made, path))
        .map(missingPath),
    ];
    findings.push(...descriptions.map((description) => ({ line, description })));
  }
  return findings;
}

function missingScript([program, ...rest]: readonly string[], { scripts }: KnownCommands): string[] {
  if (program !== "npm") return [];
  const [command = ""] = rest;
  const script = command === "run" ? (rest[1] ?? "") : command;
  if (command !== "run" && !NPM_SHORT.has(command)) {
    return NPM_COMMANDS.has(command)
      ? []
      : [`names npm ${command}, which is no command of npm's that is known here`];
  }
  return scripts.has(script) ? [] : [`names the npm script "${script}", which package.json does not have`];
}

async function unknownTrellis(words: readonly string[], { help }: KnownCommands): Promise<string[]> {
  const at = words[0] === "npx" ? 1 : 0;
  if (words[at] !== "trellis") return [];
  const command: string[] = [];
  for (const word of words.slice(at + 1)) {
    const known = await help.commands(...command);
    if (known.size === 0 || word.startsWith("-")) break;
    if (!known.has(word))
      return [`names trellis ${[...command, word].join(" ")}, which is no command of trellis`];
    command.push(word);
  }
  if (command.length === 0) return [];
  const flags = await help.flags(...command);
  return words
    .slice(at + 1 + command.length)
    .filter((word) => word.startsWith("-") && word !== "-" && word !== "--")
    .map((word) => word.split("=", 1)[0] ?? word)
    .filter((flag) => !flags.has(flag))
    .map((flag) => `gives trellis ${command.join(" ")} the flag ${flag}, which it does not have`);
}

/** Paths that a command is given and that the checkout does not have. */
function missingPaths(words: readonly string[], { root }: KnownCommands): string[] {
  if (!["npm", "npx", "trellis", "node"].includes(words[0] ?? "")) return [];
  return words.flatMap((word, index) => {
    const value = words[index + 1] ?? "";
    const isPath = /^\.{0,2}\/?[\w.-]+\/[\w./-]+$/.test(value) && !value.startsWith("/");
    if (!PATH_FLAGS.has(word) || !isPath || existsSync(join(root, value))) return [];
    return [value];
  });
}

function missingPath(path: string): string {
  return `names ${path}, which does not exist`;
}

/** Whether a path is, or is in, one of the folders that the page has had its reader make. */
function isWithin(folders: readonly string[], path: string): boolean {
  const whole = normalize(path);
  return folders.some((folder) => whole === folder || whole.startsWith(`${folder}/`));
}

/** The commands of a page's `sh` blocks as words: continued lines joined, comments dropped, pipes and lists taken apart. */
function commandsOf(text: string): readonly { line: number; words: readonly string[] }[] {
  return shellLines(text).flatMap(({ line, content }) =>
    content
      .replace(/(^|\s)#.*$/, "")
      .split(/&&|\|\||[|;]/)
      .map((command) =>
        [...command.matchAll(/'[^']*'|"[^"]*"|\S+/g)].map(([word]) => word.replaceAll(/^['"]|['"]$/g, "")),
      )
      .filter((words) => words.length > 0)
      .map((words) => ({ line, words })),
  );
}

function shellLines(text: string): readonly { line: number; content: string }[] {
  const lines: { line: number; content: string }[] = [];
  let inShell = false;
  let continued = false;
  for (const [index, content] of text.split("\n").entries()) {
    const fence = /^\s*```(\w*)/.exec(content);
    if (fence !== null) {
      inShell = !inShell && /^(sh|bash|shell|console)$/.test(fence[1] ?? "");
      continue;
    }
    if (!inShell) continue;
    const last = lines.at(-1);
    const whole = content.replace(/\\$/, "");
    if (continued && last !== undefined) last.content += ` ${whole}`;
    else lines.push({ line: index + 1, content: whole });
    continued = content.endsWith("\\");
  }
  return lines;
}
