/**
 * `npm run raft:scripts -- PATH...`: runs recorded scripts against the consensus core: files, or all of a folder. Prints what
 * differs, with file and line; exits with 1 if anything does, with 2 if there was nothing to run.
 */
import { existsSync, readFileSync } from "node:fs";
import { describeDifference, runScript, scriptKinds, ScriptSyntaxError } from "@trellis/raft/script";
import { runTool, UsageError } from "../flags.ts";
import { findScripts, kindOfScript } from "./find-scripts.ts";

await runTool("raft:scripts", () => Promise.resolve(main(process.argv.slice(2))));

function main(paths: readonly string[]): number {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined)
    throw new UsageError(`expected a script or a folder of them; found "${missing}"`);
  const files = paths.flatMap(findScripts);
  if (files.length === 0)
    throw new UsageError("expected a folder with scripts (*.txt), or scripts; found none");
  const results = files.map(runFile);
  const commands = results.reduce((sum, result) => sum + result.commands, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const passedFiles = results.filter((result) => result.failed === 0).length;
  console.log(`${passedFiles} of ${files.length} files, ${commands - failed} of ${commands} commands passed`);
  return failed > 0 ? 1 : 0;
}

interface FileResult {
  readonly commands: number;
  readonly failed: number;
}

/** A script that cannot be read, or has no commands, counts as one failed command. */
function runFile(file: string): FileResult {
  const text = readFileSync(file, "utf8");
  try {
    const { directives, differences } = runScript(text, scriptKinds[kindOfScript(file, text)]());
    for (const difference of differences) console.log(`${describeDifference(file, difference)}\n`);
    if (directives > 0) return { commands: directives, failed: differences.length };
    console.log(`${file}:1: expected commands, found none\n`);
  } catch (error) {
    if (!(error instanceof ScriptSyntaxError)) throw error;
    console.log(`${file}:${error.line}: ${error.message}\n`);
  }
  return { commands: 1, failed: 1 };
}
