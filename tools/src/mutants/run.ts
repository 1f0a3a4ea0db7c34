import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { inRepository, runCommand } from "../repository.ts";
import { type Mutant, readMutant, type Verdict } from "./mutant.ts";
import { readTestRun, type TestRun } from "./test-run.ts";
import type { WorkCopy } from "./work-copy.ts";

/** Where mutants are kept: a folder per package below it. */
const MUTANTS = "tools/mutants";
/** A mutant may hang the test instead of failing it: that kills it too. */
const TEST_TIMEOUT_MS = 120_000;

/** All mutants whose path contains one of the words; all without words. Ordered by path. */
export async function findMutants(words: readonly string[]): Promise<readonly Mutant[]> {
  const files = (await readdir(inRepository(MUTANTS), { recursive: true }))
    .filter((file) => file.endsWith(".patch"))
    .map((file) => join(MUTANTS, file))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  return await Promise.all(
    files.map(async (file) => readMutant(file, await readFile(inRepository(file), "utf8"))),
  );
}

/** Applies a mutant to the copy, runs its test, which {@link checkUsable} has found usable, and takes the mutant back. */
export async function judgeMutant(copy: WorkCopy, mutant: Mutant): Promise<Verdict> {
  const patch = inRepository(mutant.file);
  const applied = await runCommand("patch", ["--batch", "--strip=1", "--input", patch], { cwd: copy.root });
  try {
    if (applied.exitCode !== 0) return { kind: "stale", output: applied.output };
    const run = await runTest(copy, mutant);
    // The test was there without the mutant, so that a process that crashes does so because of it.
    if (run.crashed) return { kind: "killed" };
    if (run.matched === 0)
      return {
        kind: "unusable",
        output: `no test of ${mutant.spec} matches "${mutant.test}"\n${run.output}`,
      };
    return run.failed ? { kind: "killed" } : { kind: "survived" };
  } finally {
    await runCommand("patch", ["--batch", "--reverse", "--strip=1", "--input", patch], { cwd: copy.root });
  }
}

/** Runs the test of a mutant on the unbroken copy: a test that fails anyway kills nothing. */
export async function checkUsable(copy: WorkCopy, mutant: Mutant): Promise<Verdict | undefined> {
  const { matched, failed, output } = await runTest(copy, mutant);
  if (matched > 0 && !failed) return undefined;
  const what =
    matched === 0
      ? `no test of ${mutant.spec} matches "${mutant.test}"`
      : "the test fails without the mutant";
  return { kind: "unusable", output: `${what}\n${output}` };
}

async function runTest({ root }: WorkCopy, { spec, test }: Mutant): Promise<TestRun> {
  const result = await runCommand(
    "node",
    [
      "--experimental-vm-modules",
      "--no-warnings",
      "node_modules/jest/bin/jest.js",
      "--ci",
      "--bail",
      "--forceExit",
      `--testTimeout=${TEST_TIMEOUT_MS / 4}`,
      "--runTestsByPath",
      spec,
      "--testNamePattern",
      test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
    ],
    { cwd: root, env: { NODE_OPTIONS: "" }, timeoutMs: TEST_TIMEOUT_MS },
  );
  return readTestRun(result);
}
