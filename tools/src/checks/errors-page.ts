import { readFile, writeFile } from "node:fs/promises";

import { inRepository } from "../repository.ts";
import { errorsPage } from "./errors-page-text.ts";

const PAGE = "docs/ERRORS.md";

/** Writes docs/ERRORS.md from the enum of reasons and the error catalogue. */
export async function writeErrorsPage(): Promise<void> {
  await writeFile(inRepository(PAGE), await errorsPage());
}

/** Whether docs/ERRORS.md is what `npm run generate` would write. */
export async function isErrorsPageCurrent(): Promise<boolean> {
  return (await readFile(inRepository(PAGE), "utf8").catch(() => "")) === (await errorsPage());
}
