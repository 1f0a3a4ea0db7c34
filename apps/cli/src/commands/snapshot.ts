import type { Command } from "commander";

import { EXIT } from "../errors.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

interface SaveOptions {
  readonly force?: boolean;
  readonly output: string;
}

interface RestoreOptions {
  readonly dataDir: string;
  readonly replace?: boolean;
}

/** `trellis snapshot`: everything a server keeps, as one file and back. What it needs besides is loaded by the commands themselves. */
export function addSnapshotCommand(program: Command, context: CommandContext): void {
  const snapshot = addCommand(program, "snapshot", {
    description: "save all that a server keeps to a file, and restore it",
    examples: ["save backup.snapshot", "restore backup.snapshot --data-dir data"],
  });
  snapshot.helpCommand(false);
  addSave(snapshot, context);
  addVerify(snapshot, context);
  addRestore(snapshot, context);
}

function addSave(snapshot: Command, context: CommandContext): void {
  const save = addCommand(snapshot, "save", {
    description: "save what a server keeps, as of now, to a file",
    examples: ["backup.snapshot", "backup.snapshot --force --server db:7500"],
  });
  save
    .argument("<file>", "where to; written beside it, and checked, until it is whole")
    .option("--force", "replace the file if there is one")
    .addOption(outputOption(["table", "json"]))
    .action((file: string, { force = false, output }: SaveOptions) =>
      context.run(save, async (session) => {
        const { saveSnapshot } = await import("../snapshot/save-snapshot.ts");
        const { savedText, snapshotJson } = await import("../snapshot/report.ts");
        const saved = await saveSnapshot(session, file, { force });
        const { stdout, colour } = session.environment;
        stdout(output === "json" ? snapshotJson(saved) : savedText(saved, colour));
        return EXIT.ok;
      }),
    );
}

function addVerify(snapshot: Command, { environment }: CommandContext): void {
  const { stdout, colour } = environment;
  addCommand(snapshot, "verify", {
    description: "check a snapshot file to its end, and show what it holds",
    examples: ["backup.snapshot", "backup.snapshot -o json"],
  })
    .argument("<file>", "the snapshot; no server is asked")
    .addOption(outputOption(["table", "json"]))
    .action(async (file: string, { output }: { output: string }) => {
      const { verifyFile } = await import("../snapshot/verify-file.ts");
      const { damagedJson, snapshotJson, snapshotText } = await import("../snapshot/report.ts");
      const found = await verifyFile(environment, file);
      if (found.fault !== undefined) {
        if (output === "json") stdout(damagedJson(file, found.fault));
        throw found.fault;
      }
      stdout(output === "json" ? snapshotJson(found) : snapshotText(found, colour));
    });
}

function addRestore(snapshot: Command, { environment }: CommandContext): void {
  addCommand(snapshot, "restore", {
    description: "make a data directory hold what a snapshot file holds, as a new store",
    examples: ["backup.snapshot --data-dir data", "backup.snapshot --data-dir .trellis --replace"],
  })
    .argument("<file>", "the snapshot; no server is asked")
    .requiredOption("--data-dir <dir>", "the directory, of no server that runs")
    .option("--replace", "give up the store that is there")
    .action(async (file: string, { dataDir, replace = false }: RestoreOptions) => {
      const { restoreFile } = await import("../snapshot/restore-file.ts");
      const { restoredText } = await import("../snapshot/report.ts");
      const restored = await restoreFile(environment, { file, directory: dataDir, replace });
      environment.stdout(restoredText(restored, environment.colour));
    });
}
