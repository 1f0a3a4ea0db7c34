import { mkdirSync } from "node:fs";
import { join } from "node:path";

import {
  type Figures,
  type Load,
  type MeasuredLog,
  measureRound,
  type Round,
  summarizeRounds,
} from "./measure.ts";
import type { LogStoreKind } from "./stores/log-store.ts";

export interface CompareOptions {
  /** An empty directory on the disk that is measured. */
  readonly directory: string;
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly roundMs: number;
}

/**
 * Measures logs beside each other. They take turns within each round and load, so that a slow moment of the disk does not fall on one of them alone,
 * and live from the first round, which warms up and does not count, to the last. The figures come by load, then in the order of the kinds.
 */
export async function compareLogs(
  kinds: readonly LogStoreKind[],
  { directory, loads, rounds, roundMs }: CompareOptions,
): Promise<readonly Figures[]> {
  const logs: MeasuredLog[] = [];
  try {
    for (const [position, kind] of kinds.entries()) {
      const own = join(directory, String(position));
      mkdirSync(own);
      logs.push({ store: await kind.open(own), nextIndex: 1, keptFrom: 1 });
    }
    const results = loads.map(() => kinds.map((): Round[] => []));
    for (let round = 0; round <= rounds; round++) {
      for (const [load, byKind] of results.entries()) {
        for (const [position, log] of logs.entries()) {
          const measured = await measureRound(log, loads[load] ?? NOTHING, roundMs);
          if (round > 0) byKind[position]?.push(measured);
        }
      }
    }
    return results.flatMap((byKind, load) =>
      byKind.map((measured, position) =>
        summarizeRounds(kinds[position]?.name ?? "", loads[load] ?? NOTHING, measured),
      ),
    );
  } finally {
    for (const { store } of logs) await store.close();
  }
}

const NOTHING: Load = { batch: 1, entryBytes: 1 };
