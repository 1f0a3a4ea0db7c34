/**
 * The gate: `npm test`. Runs every check and every test, shows what failed in full, and ends with one line
 * `N passed, N failed`. `npm test -- lint types` runs only the checks whose name begins with one of the words.
 */
import { allChecks, type CheckResult } from "./checks/all-checks.ts";

const wanted = process.argv.slice(2);
const checks = allChecks.filter(
  ({ name }) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)),
);
if (checks.length === 0) {
  console.error(
    `no check begins with ${wanted.join(", ")}; there are: ${allChecks.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}

let passed = 0;
let failed = 0;
for (const { name, run } of checks) {
  const startedMs = performance.now();
  const result = await run().catch((error: unknown): CheckResult => ({
    passed: 0,
    failed: 1,
    output: String(error),
  }));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const verdict = result.failed === 0 ? "ok  " : "FAIL";
  console.log(`${verdict} ${name.padEnd(24)} ${seconds.padStart(6)} s   ${result.summary ?? ""}`.trimEnd());
  if (result.failed > 0) console.log(result.output.trimEnd().replaceAll(/^/gm, "     "));
  passed += result.passed;
  failed += result.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
