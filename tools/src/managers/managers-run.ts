import { connectClient } from "@trellis/client/node";
import { systemClock } from "@trellis/resource";
import { createDice } from "@trellis/testkit";

import { Timeline } from "../chaos/timeline.ts";
import { breakManagers } from "./break-managers.ts";
import { followHistory } from "./history.ts";
import { judgeTerms, type TermsVerdict } from "./judge-terms.ts";
import { ArtistLoad } from "./load.ts";
import { ManagerProcesses } from "./manager-processes.ts";

/** What is to be done. */
export interface ManagersRunOptions {
  readonly directory: string;
  readonly seed: number;
  readonly minutes: number;
  readonly write: (line: string) => void;
}

/** What became of it. */
export interface ManagersOutcome {
  readonly faults: ReadonlyMap<string, number>;
  readonly changes: number;
  readonly verdict: TermsVerdict;
  /** How often leases changed hands. */
  readonly handOvers: number;
  /** What is wrong, in words; empty after a good run. */
  readonly findings: readonly string[];
}

/** How long the copies may take to be right when nothing is broken any more. */
const SETTLE_MS = 30_000;

/** Breaks managers under load in every way that there is, heals them, and judges what the store saw of that. */
export async function runManagers({
  directory,
  seed,
  minutes,
  write,
}: ManagersRunOptions): Promise<ManagersOutcome> {
  const timeline = new Timeline(() => performance.now(), write);
  const managers = await ManagerProcesses.start(directory, (name, what) => timeline.tell(name, what));
  const client = connectClient({ server: managers.url, clock: systemClock, random: Math.random });
  timeline.tell("all", "are ready");
  try {
    const history = await followHistory(client);
    const load = new ArtistLoad(client, createDice(seed, "load"));
    load.start();
    const context = { chaos: { cluster: managers, network: managers.network }, managers, timeline };
    const dice = createDice(seed, "faults");
    const troubles = await breakManagers({ ...context, dice }, performance.now() + minutes * 60_000);
    timeline.tell("all", "are mended");
    await load.stop();
    await managers.ready();
    const differences = await load.differences(SETTLE_MS);
    await history.stop();
    const verdict = judgeTerms(history.committed);
    const broken = history.broken();
    return {
      faults: timeline.counts(),
      changes: load.changes,
      verdict,
      handOvers: handOversIn(history.committed),
      findings: [
        ...troubles,
        ...(broken === undefined ? [] : [`the history is not whole: ${broken}`]),
        ...verdict.findings,
        ...differences,
      ],
    };
  } finally {
    client.close();
    await managers.stop();
    timeline.tell("all", `are stopped (seed ${seed})`);
  }
}

/** How often the holder of a lease was another than the last one that it had. */
function handOversIn(committed: Parameters<typeof judgeTerms>[0]): number {
  const last = new Map<string, string>();
  let count = 0;
  for (const one of committed) {
    if (one.kind !== "lease" || one.holder === "") continue;
    if ((last.get(one.lease) ?? one.holder) !== one.holder) count += 1;
    last.set(one.lease, one.holder);
  }
  return count;
}
