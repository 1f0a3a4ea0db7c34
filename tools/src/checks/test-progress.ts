/**
 * A reporter for jest that tells the gate what is going on: one line per event on standard output, each a JSON object behind
 * {@link EVENT_MARK}. The gate then knows what was running when it has to end a run.
 */
import { EVENT_MARK, type TestEvent } from "./test-events.ts";

interface FileResult {
  readonly numPassingTests: number;
  readonly numFailingTests: number;
  readonly testExecError?: unknown;
}

function tell(event: TestEvent): void {
  process.stdout.write(`${EVENT_MARK}${JSON.stringify(event)}\n`);
}

// oxlint-disable-next-line import/no-default-export -- jest takes a reporter's default export
export default class TestProgress {
  onRunStart({ numTotalTestSuites }: { numTotalTestSuites: number }): void {
    tell({ kind: "run", files: numTotalTestSuites });
  }

  onTestFileStart({ path }: { path: string }): void {
    tell({ kind: "start", path });
  }

  onTestFileResult({ path }: { path: string }, result: FileResult): void {
    const failed = result.numFailingTests + (result.testExecError === undefined ? 0 : 1);
    tell({ kind: "end", path, passed: result.numPassingTests, failed });
  }

  onRunComplete(): void {
    tell({ kind: "complete" });
  }
}
