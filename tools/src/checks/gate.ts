import type { Check, CheckResult } from "./check.ts";

/** What to run, and where its report goes. */
export interface GateOptions {
  readonly checks: readonly Check[];
  /** Runs only the checks whose name begins with one of these; all without any. */
  readonly words: readonly string[];
  readonly print: (line: string) => void;
}

const INDENT = "     ";
const WRONG_USAGE = 2;

/** Runs checks one after the other and reports on each. The exit code: 0 when nothing failed. */
export async function runGate({ checks, words, print }: GateOptions): Promise<number> {
  const unknown = words.filter((word) => !checks.some(({ name }) => name.startsWith(word)));
  if (unknown.length > 0) {
    const names = checks.map(({ name }) => name).join(", ");
    print(`no check begins with "${unknown.join('", "')}"; there are: ${names}`);
    return WRONG_USAGE;
  }
  const chosen = checks.filter(
    ({ name }) => words.length === 0 || words.some((word) => name.startsWith(word)),
  );
  const width = Math.max(...chosen.map(({ name }) => name.length));
  let [passed, failed] = [0, 0];
  for (const check of chosen) {
    const startedMs = performance.now();
    const result = await outcome(check, print);
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7);
    const verdict = result.failed === 0 ? "ok  " : "FAIL";
    print(`${verdict} ${check.name.padEnd(width)} ${seconds} s   ${result.summary ?? ""}`.trimEnd());
    if (result.failed > 0) print(result.output.trim().replaceAll(/^/gm, INDENT));
    passed += result.passed;
    failed += result.failed;
  }
  print(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** A check that cannot be run has failed. */
async function outcome(check: Check, print: (line: string) => void): Promise<CheckResult> {
  try {
    return await check.run((line) => print(`${INDENT}${line}`));
  } catch (error) {
    return { passed: 0, failed: 1, output: (error as Error).stack ?? String(error) };
  }
}
