import { inRepository, runCommand } from "../repository.ts";
import type { Mutant, Verdict } from "./mutant.ts";
import { runJest } from "./run-jest.ts";
import { readTestRun, type TestRun } from "./test-run.ts";
import type { UnbrokenTests } from "./unbroken-tests.ts";
import type { WorkCopy } from "./work-copy.ts";

/** A mutant may hang the test instead of failing it: that kills it too. */
const TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 30_000;

/** What judging many mutants takes. */
export interface JudgeOptions {
  /** One for each mutant that is judged at a time. */
  readonly copies: readonly WorkCopy[];
  readonly unbroken: UnbrokenTests;
  /** Told each verdict when it is there, with the mutant's position. */
  readonly onVerdict: (position: number, verdict: Verdict) => void;
}

/** Judges all mutants, as many at a time as there are copies. */
export async function judgeMutants(
  mutants: readonly Mutant[],
  { copies, unbroken, onVerdict }: JudgeOptions,
): Promise<void> {
  const left = mutants.entries();
  const ends = await Promise.allSettled(
    copies.map(async (copy) => {
      for (const [position, mutant] of left) {
        onVerdict(position, unbroken.faultOf(mutant) ?? (await judgeMutant(copy, mutant)));
      }
    }),
  );
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Applies a mutant to the copy, runs its test, which passes without it, and takes the mutant back. */
export async function judgeMutant(copy: WorkCopy, mutant: Mutant): Promise<Verdict> {
  const patch = (flag: string) =>
    runCommand("patch", ["--batch", "--strip=1", flag, "--input", inRepository(mutant.file)], {
      cwd: copy.root,
    });
  // A patch that fits in part only would leave that part behind.
  const fits = await patch("--dry-run");
  if (fits.exitCode !== 0) return { kind: "stale", output: fits.output };
  await patch("--forward");
  try {
    return verdictOf(mutant, await runTest(copy, mutant));
  } finally {
    await patch("--reverse");
  }
}

function verdictOf({ spec, test }: Mutant, { crashed, matched, failed, output }: TestRun): Verdict {
  // The test was there without the mutant, so that a process that crashes does so because of it.
  if (crashed) return { kind: "killed" };
  if (matched === 0) return { kind: "unusable", output: `no test of ${spec} matches "${test}"\n${output}` };
  return failed ? { kind: "killed" } : { kind: "survived" };
}

async function runTest(copy: WorkCopy, { project, spec, test }: Mutant): Promise<TestRun> {
  const pattern = test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return readTestRun(
    await runJest(copy, {
      project,
      specs: [spec],
      flags: ["--bail", "--runInBand", "--testNamePattern", pattern],
      testTimeoutMs: TEST_TIMEOUT_MS,
      timeoutMs: TIMEOUT_MS,
    }),
  );
}
