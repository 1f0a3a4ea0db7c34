import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeDifference, runScript, scriptKinds } from "@trellis/raft/script";

// Runs recorded scripts against the consensus core: `main.ts DIR`, with folders `interaction`, `quorum` and `confchange`
// below DIR. Prints what differs; exits with 1 if anything does, or if there was nothing to run.

interface Totals {
  files: number;
  failedFiles: number;
  commands: number;
  failedCommands: number;
}

function runFolder(folder: string, kind: keyof typeof scriptKinds, totals: Totals): void {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .sort();
  for (const name of names) {
    const file = join(folder, name);
    const { directives, differences } = runScript(readFileSync(file, "utf8"), scriptKinds[kind]());
    totals.files++;
    totals.commands += directives;
    totals.failedCommands += differences.length;
    if (differences.length > 0) totals.failedFiles++;
    for (const difference of differences) console.log(`${describeDifference(file, difference)}\n`);
  }
}

function main(args: readonly string[]): number {
  const [root] = args;
  if (root === undefined || args.length > 1) {
    console.error("expected one argument, the folder with interaction, quorum and confchange");
    return 2;
  }
  const totals: Totals = { files: 0, failedFiles: 0, commands: 0, failedCommands: 0 };
  for (const kind of Object.keys(scriptKinds) as (keyof typeof scriptKinds)[]) {
    const folder = join(root, kind);
    if (existsSync(folder)) runFolder(folder, kind, totals);
  }
  const { files, failedFiles, commands, failedCommands } = totals;
  console.log(
    `${files - failedFiles} of ${files} files, ${commands - failedCommands} of ${commands} commands passed`,
  );
  if (files === 0) console.error(`expected scripts (*.txt) in a folder of ${root}, found none`);
  return files === 0 || failedCommands > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
