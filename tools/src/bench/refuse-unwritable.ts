import { accessSync, constants } from "node:fs";
import { dirname, resolve } from "node:path";

import { UsageError } from "../flags.ts";

/** A run of minutes should not end with a file that cannot be written. Throws a UsageError for one in a folder where that is so. */
export function refuseUnwritable(flag: string, file: string | undefined): void {
  if (file === undefined) return;
  try {
    accessSync(dirname(resolve(file)), constants.W_OK);
  } catch {
    throw new UsageError(`--${flag}: expected a file in a folder that can be written; found "${file}"`);
  }
}
