import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";

import { inRepository, repositoryRoot, runCommand } from "../repository.ts";
import { checkDeclaredDependencies } from "./declared-dependencies.ts";
import { isErrorsPageCurrent } from "./errors-page.ts";
import { findStaleGeneratedCode } from "./generated-code.ts";
import { checkImportDirections } from "./import-directions.ts";

/** What a check found. `output` is shown when something failed. */
export interface CheckResult {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
  /** A few words for the line of a check that passed. */
  readonly summary?: string;
}

/** One check of the gate. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<CheckResult>;
}

/** The descriptors that `buf breaking` holds the public and domain protos against. Replaced only with a decision. */
const BASELINE = "proto/baseline.binpb";

/** All checks, the quick ones first. */
export const allChecks: readonly Check[] = [
  { name: "generated code", run: checkGenerated },
  { name: "proto lint", run: () => command("buf", "lint") },
  { name: "proto breaking", run: () => command("buf", "breaking", "proto", "--against", BASELINE) },
  { name: "types", run: () => command("tsc", "-p", "tsconfig.json") },
  { name: "lint and sizes", run: () => command("oxlint", "--quiet", ".") },
  { name: "format", run: () => command("prettier", "--check", "--log-level", "warn", ".") },
  { name: "import directions", run: checkDirections },
  { name: "dependencies", run: async () => fromFindings(checkDeclaredDependencies(repositoryRoot)) },
  { name: "tests", run: runJest },
];

async function command(...[program, ...args]: [string, ...string[]]): Promise<CheckResult> {
  const { exitCode, output } = await runCommand(program, args);
  return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, output };
}

function fromFindings(findings: readonly string[]): CheckResult {
  return {
    passed: findings.length === 0 ? 1 : 0,
    failed: findings.length === 0 ? 0 : 1,
    output: findings.join("\n"),
  };
}

async function checkGenerated(): Promise<CheckResult> {
  const stale = (await findStaleGeneratedCode()).map(
    (file) => `${file} is not what its sources give: npm run generate`,
  );
  if (!(await isErrorsPageCurrent()))
    stale.push("docs/ERRORS.md is not what the error catalogue gives: npm run generate");
  return fromFindings(stale);
}

async function checkDirections(): Promise<CheckResult> {
  return fromFindings(
    checkImportDirections(repositoryRoot).map(
      ({ file, line, description }) => `${file}:${line} ${description}`,
    ),
  );
}

/** The figures that jest writes with `--json`. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly numTotalTestSuites: number;
}

async function runJest(): Promise<CheckResult> {
  const reportFile = join(tmpdir(), `trellis-jest-${process.pid}.json`);
  try {
    const { output } = await runCommand(
      "node",
      [
        "--experimental-vm-modules",
        "--no-warnings",
        "node_modules/jest/bin/jest.js",
        "--ci",
        "--json",
        `--outputFile=${reportFile}`,
      ],
      { cwd: inRepository(), env: { NODE_OPTIONS: "" } },
    );
    const report = await readFile(reportFile, "utf8").then(
      (text) => JSON.parse(text) as JestReport,
      () => undefined,
    );
    if (report === undefined) return { passed: 0, failed: 1, output: `jest wrote no report:\n${output}` };
    const skipped = report.numPendingTests + report.numTodoTests;
    // A suite that cannot be loaded fails without a failed test; a skipped test is one that cannot fail.
    const failed = Math.max(report.numFailedTests, report.numFailedTestSuites) + skipped;
    const summary = `${report.numPassedTests} tests in ${report.numTotalTestSuites} files`;
    const readable = output.replace(/^\{"numFailedTestSuites".*$/m, "");
    return {
      passed: report.numPassedTests,
      failed,
      summary,
      output: skipped > 0 ? `${skipped} skipped tests\n${readable}` : readable,
    };
  } finally {
    await rm(reportFile, { force: true });
  }
}
