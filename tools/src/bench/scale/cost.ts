import type { TrellisCalls } from "../trellis/trellis-calls.ts";
import { compareRounds } from "./compared.ts";
import { comparedFigures } from "./compared-figures.ts";
import type { MeasurePart, ScaleContext } from "./context.ts";
import { type Figure, whole } from "./figure.ts";
import { LargeStore } from "./large-store.ts";
import { costSteps, SMALL_STORE } from "./options.ts";
import { measureSides, OPERATIONS, roundFailures, type Side } from "./side-by-side.ts";

/** What a read or a write may cost at most with all resources stored, beside a store of a thousand. */
const TARGET = 1.5;

/** CPU time of a read and a write as the store grows, beside a server of a thousand resources that is measured in the same minutes. */
export const measureCost: MeasurePart = async (context) => {
  const small = await LargeStore.start("small", context);
  try {
    await small.fillTo(SMALL_STORE);
    const figures: Figure[] = [];
    const failures: string[] = [];
    for (const step of costSteps(context.resources)) {
      const found = await measureStep(context, small, step);
      figures.push(...found.figures);
      failures.push(...found.failures);
    }
    return { figures, failures };
  } finally {
    await small.server.stop();
  }
};

async function measureStep(
  { large: openLarge, resources, times, tell }: ScaleContext,
  small: LargeStore,
  stored: number,
): Promise<{ readonly figures: readonly Figure[]; readonly failures: readonly string[] }> {
  const figures: Figure[] = [];
  const failures: string[] = [];
  const large = await openLarge();
  await large.fillTo(stored);
  await small.use((smallCalls) =>
    large.use(async (largeCalls) => {
      for (const operation of OPERATIONS) {
        tell(`cost: ${operation.name}s at ${whole(stored)} stored, and at ${whole(SMALL_STORE)} beside`);
        const rounds = await measureSides(operation, times, {
          base: sideOf(small, smallCalls),
          other: sideOf(large, largeCalls),
        });
        const what = `${operation.name}, ${whole(stored)} stored`;
        const beside = { base: whole(SMALL_STORE), target: stored === resources ? TARGET : undefined };
        figures.push(...comparedFigures(what, compareRounds(rounds), beside));
        failures.push(...roundFailures(what, rounds));
      }
    }),
  );
  return { figures, failures };
}

/** A snapshot that falls due in a round would be measured: it is a cost of its own, which the part `snapshot` has. */
function sideOf(store: LargeStore, calls: TrellisCalls): Side {
  const { server, data } = store;
  return { name: server.name, pid: server.pid, calls, data, prepare: () => store.keepSnapshotsAway() };
}
