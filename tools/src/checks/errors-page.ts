import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errorsPage } from "./errors-page-text.ts";

const PAGE = "docs/ERRORS.md";

/** Writes docs/ERRORS.md below `root` from the enum of reasons and the error catalogue. */
export async function writeErrorsPage(root: string): Promise<void> {
  await writeFile(join(root, PAGE), await errorsPage(root));
}

/** Whether docs/ERRORS.md is what `npm run generate` would write. */
export async function isErrorsPageCurrent(root: string): Promise<boolean> {
  return (await readFile(join(root, PAGE), "utf8").catch(() => "")) === (await errorsPage(root));
}
