import { join } from "node:path";

import { type CommandResult, runCommand } from "../repository.ts";
import type { WorkCopy } from "./work-copy.ts";

/** Which tests jest is to run, and how. */
export interface JestOptions {
  /** A project of the copy's `jest.config.js`. */
  readonly project: string;
  /** Paths in the copy. */
  readonly specs: readonly string[];
  /** Further flags. */
  readonly flags: readonly string[];
  /** After which a test has failed. */
  readonly testTimeoutMs: number;
  /** After which the whole run is ended. */
  readonly timeoutMs: number;
}

/** Runs specs of a copy in one project. What jest keeps for its next run stays in the copy, and goes with it. */
export function runJest(
  { root }: WorkCopy,
  { project, specs, flags, testTimeoutMs, timeoutMs }: JestOptions,
): Promise<CommandResult> {
  const args = [
    "--experimental-vm-modules",
    "--no-warnings",
    "node_modules/jest/bin/jest.js",
    "--ci",
    "--forceExit",
    `--cacheDirectory=${join(root, ".jest")}`,
    `--testTimeout=${testTimeoutMs}`,
    // It takes every word up to the next flag for a name.
    "--selectProjects",
    project,
    ...flags,
    "--runTestsByPath",
    ...specs,
  ];
  // Flags of an outer run are not meant for this one.
  return runCommand("node", args, { cwd: root, env: { NODE_OPTIONS: "" }, timeoutMs });
}
