import { createDice } from "@trellis/testkit";

import { ChaosCluster } from "./chaos-cluster.ts";
import { AlbumClients, type AlbumVerdict } from "./clients/album-clients.ts";
import { JudgedClients, type Verdict } from "./clients/judged-clients.ts";
import { makeTrouble } from "./faults/make-trouble.ts";
import { type AtRest, compareRests, rest, type RestComparison } from "./resting.ts";
import { findingsOf } from "./report.ts";
import { restartInOrder, type Restarts, type RollingVerdict } from "./rolling.ts";
import { takeTurns } from "./take-turns.ts";
import { Timeline } from "./timeline.ts";

/** What is to be done. */
export interface ChaosOptions {
  readonly directory: string;
  readonly seed: number;
  readonly minutes: number;
  /** Load without faults before what processes hold is looked at; 0 leaves that out. */
  readonly warmUpSeconds: number;
  /** How long they are left in peace before that. */
  readonly idleSeconds: number;
  readonly restarts: Restarts;
  readonly write: (line: string) => void;
}

/** What became of it. */
export interface ChaosOutcome {
  readonly faults: ReadonlyMap<string, number>;
  readonly hasDisks: boolean;
  readonly troubles: readonly string[];
  readonly storage: Verdict;
  readonly albums: AlbumVerdict;
  readonly rolling: RollingVerdict;
  readonly replicasAreEqual: boolean;
  readonly rests: readonly RestComparison[];
}

/** Writes of 700 KiB that fill what a node keeps of its history (256 MiB), so that it cannot grow any more; and how long they may take. */
const WARM_UP_BULK = 400;
const BULK_MS = 300_000;
const CHECK_MS = 60_000;

/** Breaks a cluster in every way that there is, heals it, and judges what clients saw of that. */
export async function makeChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seed, directory } = options;
  const timeline = new Timeline(() => performance.now(), options.write);
  const chaos = await ChaosCluster.start(directory, (name, what) => timeline.tell(name, what));
  timeline.tell("all", "is ready");
  let isGood = false;
  try {
    const before = await warmRest(chaos, options, timeline, "warm-up-before");
    const broken = await breakAll(chaos, options, timeline);
    const { equal } = await chaos.operator.ask((client, call) => client.checkReplicas({}, call), CHECK_MS);
    // Who was restarted meanwhile has to be as warm as at first.
    const after = await warmRest(chaos, options, timeline, "warm-up-after");
    timeline.tell("all", "is restarted in good order, one after the other");
    const rolling = await restartInOrder(chaos, timeline, options.restarts);
    const outcome = {
      ...broken,
      rolling,
      replicasAreEqual: equal,
      faults: timeline.counts(),
      hasDisks: chaos.disks.size > 0,
      rests: compareRests(before, after),
    };
    isGood = findingsOf(outcome).length === 0;
    return outcome;
  } finally {
    await chaos.stop();
    chaos.releaseDisks({ keep: !isGood });
    timeline.tell("all", `is stopped (seed ${seed})`);
  }
}

/** What processes hold at rest after a load without faults; nothing when that is left out. */
async function warmRest(
  chaos: ChaosCluster,
  { seed, warmUpSeconds, idleSeconds }: ChaosOptions,
  timeline: Timeline,
  name: string,
): Promise<readonly AtRest[]> {
  if (warmUpSeconds === 0) return [];
  timeline.tell("clients", `work without faults for ${warmUpSeconds} s, and rest for ${idleSeconds} s`);
  const storage = await JudgedClients.start(waysInto(chaos), name, createDice(seed, name));
  const albums = AlbumClients.start(gatewaysOf(chaos), `${name}-`, seed);
  const endMs = performance.now() + warmUpSeconds * 1_000;
  await takeTurns(chaos);
  await albums.bulk(WARM_UP_BULK, BULK_MS);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs - performance.now())));
  await storage.close();
  // Its watches stay, one at each gateway: what gateways and forwarders keep for watchers would otherwise depend on where the controllers' watches happen to be.
  await albums.pause();
  const found = await rest(chaos, idleSeconds * 1_000);
  await albums.close();
  return found;
}

async function breakAll(
  chaos: ChaosCluster,
  { seed, minutes }: ChaosOptions,
  timeline: Timeline,
): Promise<Pick<ChaosOutcome, "troubles" | "storage" | "albums">> {
  const storage = await JudgedClients.start(waysInto(chaos), "Chaos", createDice(seed, "storage"));
  const albums = AlbumClients.start(gatewaysOf(chaos), "chaos-", seed);
  try {
    const context = { chaos, timeline, albums, dice: createDice(seed, "faults") };
    const troubles = await makeTrouble(context, performance.now() + minutes * 60_000);
    timeline.tell("judges", "look at what the clients saw");
    return { troubles, storage: await storage.finish(), albums: await albums.finish() };
  } finally {
    await storage.close();
    await albums.close();
  }
}

function waysInto({ reachedAt }: ChaosCluster) {
  const addresses = (ports: readonly number[]): readonly string[] => ports.map((port) => `127.0.0.1:${port}`);
  return [
    { name: "directly to nodes", servers: addresses(reachedAt.nodes.slice(0, 3)) },
    { name: "through forwarders", servers: addresses(reachedAt.forwarders) },
  ];
}

function gatewaysOf({ reachedAt }: ChaosCluster): readonly string[] {
  return reachedAt.gateways.map((port) => `http://127.0.0.1:${port}`);
}
