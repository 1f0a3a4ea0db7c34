import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { exitOnSignals } from "../cluster/exit-on-signals.ts";
import { createProcessFamily } from "../process-family.ts";

/** Runs with a new directory below another, and leaves neither it nor any process behind, however this one ends. */
export async function inDirectory(
  parent: string,
  run: (directory: string) => Promise<number>,
): Promise<number> {
  makeDirectory(parent);
  const directory = mkdtempSync(join(parent, "trellis-bench-"));
  const family = createProcessFamily(directory);
  Object.assign(process.env, family.environment);
  process.on("exit", () => {
    family.signal("SIGKILL");
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  exitOnSignals();
  return await run(directory);
}

/** Makes a directory and those above it; one by one, since Node's own way does not end below `/proc`. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  if (dirname(directory) !== directory) makeDirectory(dirname(directory));
  mkdirSync(directory);
}
