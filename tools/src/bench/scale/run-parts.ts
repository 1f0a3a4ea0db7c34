import type { Tell } from "../run-bench.ts";
import type { MeasurePart } from "./context.ts";
import { measureCost } from "./cost.ts";
import type { PartResult } from "./figure.ts";
import { measureFollower } from "./follower.ts";
import { LargeStore } from "./large-store.ts";
import { measureList } from "./list.ts";
import { measureMemory } from "./memory.ts";
import type { Part, ScaleOptions } from "./options.ts";
import { measureRestart } from "./restart.ts";
import { measureSnapshot } from "./snapshot.ts";
import { timesFor } from "./times.ts";
import { measureTypes } from "./types.ts";
import { measureWatchers } from "./watchers.ts";

/** Each part, and whether it works with the large store. */
const MEASURES: Readonly<Record<Part, { readonly measure: MeasurePart; readonly ofLargeStore: boolean }>> = {
  cost: { measure: measureCost, ofLargeStore: true },
  memory: { measure: measureMemory, ofLargeStore: true },
  list: { measure: measureList, ofLargeStore: true },
  snapshot: { measure: measureSnapshot, ofLargeStore: true },
  restart: { measure: measureRestart, ofLargeStore: true },
  watchers: { measure: measureWatchers, ofLargeStore: false },
  types: { measure: measureTypes, ofLargeStore: false },
  follower: { measure: measureFollower, ofLargeStore: false },
};

/** Measures the parts one after the other. One that fails is told of in its result, and the others go on; the large store is stopped before the first that does not need it. */
export async function runParts(
  { parts, resources }: Pick<ScaleOptions, "parts" | "resources">,
  { directory, tell }: { readonly directory: string; readonly tell: Tell },
): Promise<readonly PartResult[]> {
  let large: Promise<LargeStore> | undefined;
  const stopLarge = async (): Promise<void> => {
    const store = await large?.catch(() => undefined);
    large = undefined;
    await store?.server.stop();
  };
  const own = { directory, resources, tell, times: timesFor(resources) };
  const context = { ...own, large: () => (large ??= LargeStore.start("large", own)) };
  const results: PartResult[] = [];
  try {
    for (const part of parts) {
      const { measure, ofLargeStore } = MEASURES[part];
      if (!ofLargeStore) await stopLarge();
      try {
        results.push({ part, ...(await measure(context)) });
      } catch (error) {
        const { message } = error as Error;
        tell(`${part} failed: ${message}`);
        results.push({ part, figures: [], failures: [message] });
      }
    }
    return results;
  } finally {
    await stopLarge();
  }
}
