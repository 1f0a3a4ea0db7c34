import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";

import type { Mutant, Verdict } from "./mutant.ts";
import { runJest } from "./run-jest.ts";
import type { WorkCopy } from "./work-copy.ts";

/** A spec may take longer beside others than a mutant's one test does alone. */
const TEST_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 15 * 60_000;

/** What jest writes with `--json`, as far as it matters here. */
export interface JestReport {
  readonly testResults: readonly {
    /** The spec's path, absolute. */
    readonly name: string;
    /** What was wrong with the spec, or with its tests. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** How the tests of mutants do while nothing is broken. */
export interface UnbrokenTests {
  /** Why a mutant cannot be judged: no test has its name, or one that fails anyway, and kills nothing. */
  faultOf(mutant: Mutant): (Verdict & { readonly kind: "unusable" }) | undefined;
}

/** Runs each spec that mutants name once, on a copy that nothing has broken yet; `workers` at a time. */
export async function runUnbroken(
  copy: WorkCopy,
  mutants: readonly Mutant[],
  workers: number,
): Promise<UnbrokenTests> {
  const faults = new Map<string, UnbrokenTests>();
  for (const project of new Set(mutants.map((mutant) => mutant.project))) {
    const specs = new Set(mutants.filter((mutant) => mutant.project === project).map(({ spec }) => spec));
    faults.set(project, await runProject(copy, { project, specs: [...specs], workers }));
  }
  return { faultOf: (mutant) => faults.get(mutant.project)?.faultOf(mutant) };
}

async function runProject(
  copy: WorkCopy,
  {
    project,
    specs,
    workers,
  }: { readonly project: string; readonly specs: readonly string[]; readonly workers: number },
): Promise<UnbrokenTests> {
  const file = join(copy.root, `unbroken-${project.replaceAll(/\W/g, "-")}.json`);
  const { output } = await runJest(copy, {
    project,
    specs,
    flags: [`--maxWorkers=${workers}`, "--json", `--outputFile=${file}`],
    testTimeoutMs: TEST_TIMEOUT_MS,
    timeoutMs: RUN_TIMEOUT_MS,
  });
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text !== undefined) return readUnbroken(JSON.parse(text) as JestReport, copy.root);
  const fault = { kind: "unusable", output: `jest wrote no report without the mutant\n${output}` } as const;
  return { faultOf: () => fault };
}

/** Reads jest's report of specs below a root. */
export function readUnbroken({ testResults }: JestReport, root: string): UnbrokenTests {
  const specs = new Map(testResults.map((result) => [relative(root, result.name), result]));
  return {
    faultOf({ spec, test }) {
      const result = specs.get(spec);
      if (result === undefined) return unusable(`there is no ${spec}`);
      const ran = result.assertionResults.filter(({ status }) => status === "passed" || status === "failed");
      if (ran.length === 0 && result.message !== "")
        return unusable("the test fails without the mutant", result.message);
      // As jest reads the pattern that is made from the name: anywhere, whatever the case.
      const named = ran.filter(({ fullName }) => fullName.toLowerCase().includes(test.toLowerCase()));
      if (named.length === 0) return unusable(`no test of ${spec} matches "${test}"`);
      const failed = named.filter(({ status }) => status === "failed");
      if (failed.length === 0) return undefined;
      const messages = failed.flatMap(({ fullName, failureMessages }) => [
        fullName,
        ...(failureMessages ?? []),
      ]);
      return unusable("the test fails without the mutant", ...messages);
    },
  };
}

function unusable(...lines: readonly string[]) {
  return { kind: "unusable", output: lines.join("\n") } as const;
}
