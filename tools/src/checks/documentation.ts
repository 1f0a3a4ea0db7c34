import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { unknownCommands } from "./documented-commands.ts";
import { brokenLinks } from "./documented-links.ts";
import { markdownFiles } from "./markdown-files.ts";
import { createTrellisHelp } from "./trellis-help.ts";

/**
 * What a reader of the documentation below `root` would stumble over: relative links that lead nowhere, and commands in `sh` blocks that
 * name a script, a `trellis` command, a flag or a file that does not exist. Commands are not run.
 */
export async function checkDocumentation(root: string): Promise<readonly string[]> {
  const scripts = await scriptNames(root);
  const help = createTrellisHelp();
  const findings: string[] = [];
  for (const file of markdownFiles(root)) {
    const text = await readFile(file, "utf8");
    const found = [...brokenLinks(file, text), ...(await unknownCommands(text, { scripts, help, root }))];
    findings.push(...found.map(({ line, description }) => `${relative(root, file)}:${line} ${description}`));
  }
  return findings;
}

async function scriptNames(root: string): Promise<ReadonlySet<string>> {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    scripts?: Readonly<Record<string, string>>;
  };
  return new Set(Object.keys(manifest.scripts ?? {}));
}
