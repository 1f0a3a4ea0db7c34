import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { inRepository, repositoryRoot } from "../repository.ts";
import { type Mutant, readMutant } from "./mutant.ts";

/** Where mutants are kept: a folder per package below it. */
const MUTANTS = inRepository("tools/mutants");

/** All mutants whose path contains one of the words; all without words. Ordered by path. */
export async function findMutants(words: readonly string[], folder = MUTANTS): Promise<readonly Mutant[]> {
  const files = (await readdir(folder, { recursive: true }))
    .filter((file) => file.endsWith(".patch"))
    .map((file) => relative(repositoryRoot, join(folder, file)))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  return await Promise.all(
    files.map(async (file) => readMutant(file, await readFile(inRepository(file), "utf8"))),
  );
}
