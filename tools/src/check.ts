/**
 * The gate: `npm test`. Runs every check and every test, shows what failed in full, and ends with one line
 * `N passed, N failed`. `npm test -- lint types` runs only the checks whose name begins with one of the words.
 */
import { allChecks } from "./checks/all-checks.ts";
import { runGate } from "./checks/gate.ts";
import { repositoryRoot } from "./repository.ts";

process.exitCode = await runGate({
  checks: allChecks(repositoryRoot),
  words: process.argv.slice(2),
  print: (line) => console.log(line),
});
