import { commitCases } from "./commit-cases.ts";
import type { ConformanceCase, ConformanceOptions } from "./conformance-case.ts";
import { listCases } from "./list-cases.ts";
import { readAndWriteCases } from "./read-and-write-cases.ts";
import { sleepingCases } from "./sleeping-cases.ts";
import { watchCases } from "./watch-cases.ts";
import { watchPromiseCases } from "./watch-promise-cases.ts";

export { type ConformanceCase, type ConformanceOptions, SMALL_HISTORY_COMMITS } from "./conformance-case.ts";

/**
 * Every check of the storage contract: the numbered cases of the storage specification (1–46), the six promises of watches by name, and
 * what the contract adds. They know no test framework: run each, a case throws when the backend breaks it.
 */
export function conformanceCases(options: ConformanceOptions): readonly ConformanceCase[] {
  return [
    ...readAndWriteCases(options),
    ...listCases(options),
    ...watchCases(options),
    ...watchPromiseCases(options),
    ...sleepingCases(options),
    ...commitCases(options),
  ];
}
