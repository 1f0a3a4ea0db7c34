import type { Command } from "commander";

import { CliError } from "../errors.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

/** `trellis wal`: what can be done with a node's log while no server is asked. */
export function addWalCommand(program: Command, { environment }: CommandContext): void {
  const { stdout, colour, cwd } = environment;
  const wal = addCommand(program, "wal", {
    description: "look into the log of a node, on this machine's disk",
    examples: ["inspect data/wal", "inspect data/wal -o json"],
  });
  wal.helpCommand(false);
  addCommand(wal, "inspect", {
    description: "show what a log holds, and whether it is whole",
    examples: ["data/wal", "data/wal -o json"],
  })
    .argument("<dir>", "the log's directory: the folder wal of a data directory")
    .addOption(outputOption(["table", "json"]))
    .action(async (directory: string, { output }: { output: string }) => {
      const { inspectDirectory } = await import("../wal/inspect-directory.ts");
      const { logJson, logText } = await import("../wal/report.ts");
      const summary = await inspectDirectory(cwd, directory);
      stdout(output === "json" ? logJson(summary, directory) : logText(summary, directory, colour));
      if (summary.damage !== undefined) throw new CliError(summary.damage.message);
    });
}
