import { cp, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type CommandResult, inRepository, runCommand } from "../repository.ts";

/** A package of somebody else, in a folder outside the checkout, that installs the published packages. */
export interface Consumer {
  readonly folder: string;
  write(path: string, text: string): Promise<void>;
  /** Copies a file or folder of the checkout. */
  copy(from: string, to: string): Promise<void>;
  /** Runs a program in it; nothing of the checkout's `node_modules` is found but the programs of the toolchain. */
  run(program: string, ...args: readonly string[]): Promise<CommandResult>;
  remove(): Promise<void>;
}

/** Makes a package and installs the tarballs into it, without install scripts. Throws with npm's words. */
export async function createConsumer(tarballs: readonly string[]): Promise<Consumer> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "trellis-consumer-")));
  const run: Consumer["run"] = (program, ...args) =>
    runCommand(program, args, { cwd: folder, env: { NODE_OPTIONS: "" } });
  const consumer: Consumer = {
    folder,
    write: (path, text) => writeFile(join(folder, path), text),
    copy: (from, to) => cp(inRepository(from), join(folder, to), { recursive: true }),
    run,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  await consumer.write("package.json", '{ "name": "consumer", "private": true, "type": "module" }\n');
  const { exitCode, output } = await run(
    "npm",
    "install",
    // An npm that runs this one has told it another folder.
    "--prefix",
    folder,
    "--ignore-scripts",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    ...tarballs,
  );
  if (exitCode !== 0) {
    await consumer.remove();
    throw new Error(`npm install failed:\n${output}`);
  }
  return consumer;
}
