/** A process that runs one seed after the other, as it is told, and tells what each showed. */
import { simulate } from "@trellis/testkit/sim";

import type { RunName } from "./run.ts";

// What a seed does shows when it is run alone; stacks of errors that nobody looks at cost time.
Error.stackTraceLimit = 0;

let running: RunName | undefined;

process.on("message", (run: RunName) => {
  running = run;
  void simulate(run).then((report) => {
    running = undefined;
    process.send?.(report);
  });
});

/** What nobody caught is a finding of the run, and the end of this process. */
function onUncaught(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.send?.({ failedRun: running, text }, () => process.exit(1));
}
process.on("uncaughtException", onUncaught);
process.on("unhandledRejection", onUncaught);
