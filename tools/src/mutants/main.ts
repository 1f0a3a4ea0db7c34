/**
 * `npm run mutants [WORD …]`: breaks copies of the product with each patch of `tools/mutants` and runs the test that must notice. Exit code 1
 * when one survives, does not fit the source any more, or names no usable test.
 */
import { runTool, UsageError } from "../flags.ts";
import { HELP, type MutantsArguments, readArguments } from "./arguments.ts";
import { findMutants } from "./find-mutants.ts";
import { judgeMutants } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { createReport } from "./report.ts";
import { runUnbroken } from "./unbroken-tests.ts";
import { createWorkCopy, type WorkCopy } from "./work-copy.ts";

await runTool("mutants", async () => {
  const asked = readArguments(process.argv.slice(2));
  if (asked === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const mutants = await findMutants(asked.words);
  if (mutants.length === 0) {
    const { words } = asked;
    throw new UsageError(
      `no mutant ${words.length === 0 ? "in tools/mutants" : `has ${words.join(" or ")} in its path`}`,
    );
  }
  return await run(mutants, asked);
});

async function run(mutants: readonly Mutant[], { jobs }: MutantsArguments): Promise<number> {
  const { stdout, stderr } = process;
  const report = createReport(mutants, {
    print: (text) => void stdout.write(text),
    ...(stderr.isTTY
      ? { status: { write: (text) => void stderr.write(text), columns: stderr.columns } }
      : {}),
  });
  const copies: WorkCopy[] = [];
  // However the run ends, by Ctrl-C too.
  process.once("exit", () => {
    for (const copy of copies) copy.dispose();
  });
  const workers = Math.min(jobs, mutants.length);
  for (let copy = 0; copy < workers; copy++) copies.push(await createWorkCopy());
  const [first] = copies as [WorkCopy];
  report.begin(`runs ${new Set(mutants.map(({ spec }) => spec)).size} specs with nothing broken …`);
  const unbroken = await runUnbroken(first, mutants, workers);
  await judgeMutants(mutants, {
    copies,
    unbroken,
    onVerdict: (position, verdict) => report.add(position, verdict),
  });
  return report.end() ? 0 : 1;
}
