import type { Capabilities } from "./backend.ts";

/** What every backend of a replicated store can, wherever it runs. */
export const REPLICATED = {
  multiOperationCommits: true,
  strongReads: true,
  historyReads: true,
  resumableWatches: true,
  durable: true,
} as const satisfies Capabilities;
