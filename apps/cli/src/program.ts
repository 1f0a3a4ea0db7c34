import { Command } from "commander";

import { addApplyCommand } from "./commands/apply.ts";
import { addClusterCommand } from "./commands/cluster.ts";
import type { CommandContext } from "./commands/command-context.ts";
import { addDeleteCommand } from "./commands/delete.ts";
import { addDescribeCommand } from "./commands/describe.ts";
import { addDiffCommand } from "./commands/diff.ts";
import { addEditCommand } from "./commands/edit.ts";
import { addExplainCommand } from "./commands/explain.ts";
import { addGetCommand } from "./commands/get.ts";
import { addSnapshotCommand } from "./commands/snapshot.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTreeCommand } from "./commands/tree.ts";
import { addTypesCommand } from "./commands/types.ts";
import { addWaitCommand } from "./commands/wait.ts";
import { addWalCommand } from "./commands/wal.ts";
import { addWatchCommand } from "./commands/watch.ts";
import { DEFAULT_SERVER } from "./environment.ts";

/** The command line's own version. */
export const VERSION = "0.1.0";

/** Makes the program with all its commands. Errors of the arguments are thrown, not printed. */
export function createProgram(context: CommandContext): Command {
  const { stdout, stderr } = context.environment;
  const program = new Command("trellis")
    .description("Writes, reads and watches the resources of a Trellis server.")
    .version(VERSION, "-v, --version")
    .option("--server <url>", `the server (default: TRELLIS_SERVER, or ${DEFAULT_SERVER})`)
    .helpCommand("help [command]", "show how to use a command")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: stdout, writeErr: stderr, outputError: () => undefined });
  program.exitOverride();
  addApplyCommand(program, context);
  addDiffCommand(program, context);
  addEditCommand(program, context);
  addGetCommand(program, context);
  addDescribeCommand(program, context);
  addTreeCommand(program, context);
  addDeleteCommand(program, context);
  addWatchCommand(program, context);
  addWaitCommand(program, context);
  addExplainCommand(program, context);
  addTypesCommand(program, context);
  addStatusCommand(program, context);
  addClusterCommand(program, context);
  addSnapshotCommand(program, context);
  addWalCommand(program, context);
  return program;
}
