import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

import type { RunningProcess } from "../process-family.ts";
import { type CommandResult, inRepository, runCommand } from "../repository.ts";
import type { CheckResult } from "./check.ts";
import { createEventReader, EVENT_MARK, type TestEvent } from "./test-events.ts";

/** How to run the tests. */
export interface TestRunOptions {
  /** The checkout, with its `jest.config.js`. */
  readonly root: string;
  /** Told a line for each file that is done, once the run takes long. */
  readonly tell: (line: string) => void;
  /** Which part of the files, as jest's `--shard` has it: `1/3`. All when left out. */
  readonly shard?: string;
  /** How long the whole run may take. */
  readonly timeoutMs?: number;
  /** How long jest may take to end once every test has. */
  readonly exitMs?: number;
  /** How long a run is silent before each file that is done gets a line. */
  readonly quietMs?: number;
}

const DEFAULT_TIMEOUT_MS = 20 * 60_000;
const DEFAULT_EXIT_MS = 30_000;
const DEFAULT_QUIET_MS = 10_000;

/** The figures that jest writes with `--json`. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not be run at all. */
  readonly numRuntimeErrorTestSuites: number;
  readonly numTotalTestSuites: number;
}

/**
 * Runs every test, in bounded time. Besides a failed test, these count as failures: a skipped test, a file that cannot be loaded, no test at
 * all, a process that a test leaves behind, and a run that does not end; the last is ended, and what was running then is named.
 */
export async function runTests(options: TestRunOptions): Promise<CheckResult> {
  const reportFile = join(tmpdir(), `trellis-tests-${process.pid}-${Date.now()}.json`);
  const progress = followProgress(options);
  try {
    const result = await runCommand("node", jestArguments(reportFile, options.shard), {
      cwd: options.root,
      // Flags of an outer run are not meant for this one.
      env: { NODE_OPTIONS: "" },
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal: progress.stuck,
      onOutput: progress.read,
    });
    const report = await readFile(reportFile, "utf8").then(
      (text) => JSON.parse(text) as JestReport,
      () => undefined,
    );
    return judge(result, report, progress);
  } finally {
    progress.end();
    await rm(reportFile, { force: true });
  }
}

function jestArguments(reportFile: string, shard: string | undefined): readonly string[] {
  return [
    "--experimental-vm-modules",
    "--no-warnings",
    inRepository("node_modules/jest/bin/jest.js"),
    "--ci",
    ...(shard === undefined ? [] : [`--shard=${shard}`]),
    "--json",
    `--outputFile=${reportFile}`,
    "--reporters=default",
    `--reporters=${inRepository("tools/src/checks/test-progress.ts")}`,
  ];
}

/** What is known of a run while it goes on. */
interface Progress {
  readonly read: (output: string) => void;
  /** Aborted when the tests are over and jest is not. */
  readonly stuck: AbortSignal;
  /** The files under way, relative to the root. */
  running(): readonly string[];
  passed(): number;
  failed(): number;
  end(): void;
}

function followProgress(options: TestRunOptions): Progress {
  const { root, tell, exitMs = DEFAULT_EXIT_MS, quietMs = DEFAULT_QUIET_MS } = options;
  const stuck = new AbortController();
  const started = new Map<string, number>();
  const beganMs = performance.now();
  let [files, done, passed, failed] = [0, 0, 0, 0];
  let exitTimer: NodeJS.Timeout | undefined;

  function endFile(event: TestEvent & { kind: "end" }): void {
    const nowMs = performance.now();
    const seconds = (nowMs - (started.get(event.path) ?? nowMs)) / 1_000;
    started.delete(event.path);
    done += 1;
    passed += event.passed;
    failed += event.failed;
    if (nowMs - beganMs < quietMs) return;
    const count = `${done}/${files}`.padStart(9);
    const verdict = event.failed === 0 ? "" : "   FAILED";
    tell(`${count}  ${seconds.toFixed(1).padStart(6)} s   ${relative(root, event.path)}${verdict}`);
  }
  const read = createEventReader((event) => {
    if (event.kind === "run") files = event.files;
    else if (event.kind === "start") started.set(event.path, performance.now());
    else if (event.kind === "end") endFile(event);
    else exitTimer = setTimeout(() => stuck.abort(STUCK), exitMs);
  });
  return {
    read,
    stuck: stuck.signal,
    running: () => [...started.keys()].map((path) => relative(root, path)),
    passed: () => passed,
    failed: () => failed,
    end: () => clearTimeout(exitTimer),
  };
}

const STUCK =
  "every test has ended, and jest has not: a test left something open (a timer, a socket, a server)";

function judge(result: CommandResult, report: JestReport | undefined, progress: Progress): CheckResult {
  const faults: string[] = [];
  if (result.stopped !== undefined) faults.push(describeStop(result.stopped, progress.running()));
  if (report === undefined && result.stopped === undefined) faults.push("jest wrote no report");
  if (result.stopped === undefined && result.left.length > 0) faults.push(describeLeft(result.left));
  const passed = report?.numPassedTests ?? progress.passed();
  // A file that cannot be loaded fails without a failed test; a skipped test is one that cannot fail.
  const skipped = report === undefined ? 0 : report.numPendingTests + report.numTodoTests;
  if (skipped > 0) faults.push(`${skipped} skipped: a test that is not run cannot fail`);
  const failedTests =
    report === undefined ? progress.failed() : report.numFailedTests + report.numRuntimeErrorTestSuites;
  if (passed + failedTests + skipped + faults.length === 0) faults.push("there is no test");
  const failed = failedTests + skipped + faults.length - (skipped > 0 ? 1 : 0);
  return {
    passed,
    // Whatever jest's reason to end with another code, it is not that all is well.
    failed: failed === 0 && result.exitCode !== 0 ? 1 : failed,
    output: [...faults, readable(result.output)].join("\n"),
    summary: `${passed} tests in ${report?.numTotalTestSuites ?? 0} files`,
  };
}

function describeStop(reason: string, running: readonly string[]): string {
  const files = running.length === 0 ? "" : `; these files were under way:\n  ${running.join("\n  ")}`;
  return `the run was ended: ${reason}${files}`;
}

function describeLeft(left: readonly RunningProcess[]): string {
  const processes = left.map(({ pid, commandLine }) => `  ${pid} ${commandLine}`);
  return `a test left processes running, which were ended:\n${processes.join("\n")}`;
}

/** Jest's output without what says that all is well, and without the failures that it repeats at the end of a long run. */
function readable(output: string): string {
  return stripVTControlCharacters(output)
    .replace(/^Summary of all failing tests$.*?(?=^Test Suites:)/ms, "")
    .split("\n")
    .filter((line) => !line.includes(EVENT_MARK) && !/^ ?(PASS |Test results written to)/.test(line))
    .join("\n");
}
