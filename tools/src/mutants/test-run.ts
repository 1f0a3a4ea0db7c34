import type { CommandResult } from "../repository.ts";

/** What jest said of the test of a mutant. */
export interface TestRun {
  /** Tests of that name that ran; one when the suite could not run, or had to be stopped. */
  readonly matched: number;
  readonly failed: boolean;
  /** The process ended by a failure of its own, before jest counted its tests. */
  readonly crashed: boolean;
  readonly output: string;
}

/** Reads the end of a run of jest. */
export function readTestRun({
  exitCode,
  output,
  stopped,
}: Pick<CommandResult, "exitCode" | "output" | "stopped">): TestRun {
  const [, failed = "0"] = /^Tests:.*?(\d+) failed/m.exec(output) ?? [];
  const [, passed = "0"] = /^Tests:.*?(\d+) passed/m.exec(output) ?? [];
  const suiteFailed = /Test suite failed to run/.test(output);
  return {
    matched: suiteFailed || stopped !== undefined ? 1 : Number(failed) + Number(passed),
    failed: exitCode !== 0,
    crashed: exitCode !== 0 && !/^Tests:/m.test(output),
    output,
  };
}
