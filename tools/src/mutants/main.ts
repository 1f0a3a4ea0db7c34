/**
 * `npm run mutants [WORD …]`: breaks a copy of the product with each patch of `tools/mutants` and runs the test that must notice. Exit code 1
 * when one survives, does not fit the source any more, or names no usable test.
 */
import { checkUsable, findMutants, judgeMutant } from "./run.ts";
import { createWorkCopy } from "./work-copy.ts";

const words = process.argv.slice(2);
const mutants = await findMutants(words);
if (mutants.length === 0) {
  console.error(
    `no mutant ${words.length === 0 ? "in tools/mutants" : `has ${words.join(" or ")} in its path`}`,
  );
  process.exit(2);
}
const copy = await createWorkCopy();
let killed = 0;
try {
  for (const mutant of mutants) {
    const verdict = (await checkUsable(copy, mutant)) ?? (await judgeMutant(copy, mutant));
    if (verdict.kind === "killed") killed += 1;
    console.log(`${verdict.kind.padEnd(9)} ${mutant.file}  ${mutant.breaks}`);
    if ("output" in verdict) console.log(verdict.output.trimEnd().replaceAll(/^/gm, "          "));
  }
} finally {
  await copy.dispose();
}
console.log(`${killed} killed, ${mutants.length - killed} not killed`);
process.exitCode = killed === mutants.length ? 0 : 1;
