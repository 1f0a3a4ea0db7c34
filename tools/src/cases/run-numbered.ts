import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { inRepository, runCommand } from "../repository.ts";
import type { TestOutcome } from "./tally.ts";

/** A number of the specifications in a test's name. */
const NUMBERED = String.raw`\b[TC]\d{3}\b`;

/** What jest writes with `--json`, as far as it matters here. */
interface JestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** The files are run in so many parts, one after the other: in one process jest keeps what each of them loaded, and runs out of memory. */
const PARTS = 3;

/** Runs every test that carries a number. Throws an Error with jest's output when it cannot be run at all. */
export async function runNumberedTests(): Promise<readonly TestOutcome[]> {
  const outcomes: TestOutcome[] = [];
  for (let part = 1; part <= PARTS; part++) outcomes.push(...(await runPart(`${part}/${PARTS}`)));
  return outcomes;
}

async function runPart(shard: string): Promise<readonly TestOutcome[]> {
  const reportFile = join(tmpdir(), `trellis-cases-${process.pid}.json`);
  try {
    const { output } = await runCommand(
      "node",
      [
        "--experimental-vm-modules",
        "--no-warnings",
        inRepository("node_modules/jest/bin/jest.js"),
        "--ci",
        "--json",
        `--outputFile=${reportFile}`,
        `--shard=${shard}`,
        "--testNamePattern",
        NUMBERED,
      ],
      { env: { NODE_OPTIONS: "" } },
    );
    const text = await readFile(reportFile, "utf8").catch(() => undefined);
    if (text === undefined) throw new Error(`jest wrote no report:\n${output}`);
    return outcomesOf(JSON.parse(text) as JestReport);
  } finally {
    await rm(reportFile, { force: true });
  }
}

function outcomesOf(report: JestReport): readonly TestOutcome[] {
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "passed" || status === "failed")
      .map(({ fullName, status }) => ({ name: fullName, passed: status === "passed" })),
  );
}
