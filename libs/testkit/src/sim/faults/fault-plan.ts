import * as crashes from "./crashes.ts";
import { contestedElection } from "./elections.ts";
import * as disks from "./disks.ts";
import type { Fault, FaultContext } from "./fault.ts";
import * as networks from "./networks.ts";
import * as operators from "./operators.ts";

/** Every fault there is, and how often it comes about, compared with others. */
const ALL: readonly { readonly name: string; readonly weight: number; readonly fault: Fault }[] = [
  { name: "power failure", weight: 2, fault: crashes.powerFailure },
  { name: "power failure at a write", weight: 6, fault: crashes.powerFailureAtWrite },
  { name: "killed process", weight: 2, fault: crashes.killedProcess },
  { name: "blackout", weight: 0.5, fault: crashes.blackout },
  { name: "restart", weight: 1, fault: crashes.restart },
  { name: "stalled loop", weight: 2, fault: crashes.stalledLoop },
  { name: "slow processor", weight: 1, fault: crashes.slowProcessor },
  { name: "wrong clock", weight: 1, fault: crashes.wrongClock },
  { name: "stalled disk", weight: 2, fault: disks.stalledDisk },
  { name: "slow disk", weight: 1, fault: disks.slowDisk },
  { name: "full disk", weight: 2, fault: disks.fullDisk },
  { name: "failing disk", weight: 1, fault: disks.failingDisk },
  { name: "one-way cut", weight: 4, fault: networks.oneWayCut },
  { name: "partition", weight: 3, fault: networks.partition },
  { name: "bad weather", weight: 3, fault: networks.badWeather },
  { name: "contested election", weight: 3, fault: contestedElection },
  { name: "leadership transfer", weight: 2, fault: operators.leadershipTransfer },
  { name: "snapshot", weight: 1, fault: operators.snapshotNow },
  { name: "membership change", weight: 3, fault: operators.membershipChange },
];

/** How probable it is that a snapshot on its way breaks off at a piece. */
const BREAK_RATES = [0, 0.01, 0.1];
/** Between two faults, in virtual milliseconds. */
const PAUSE_MS = { least: 300, mean: 2_000 };

/**
 * Makes trouble until it is over. Each seed leaves out some kinds of it: what comes along with everything else all the time hides what it does alone.
 */
export async function makeTrouble(context: FaultContext): Promise<void> {
  const { world, cluster, dice, trace, counts, isOver } = context;
  cluster.peers.breakRate = dice.pick(BREAK_RATES);
  const chosen = ALL.filter(() => dice.chance(0.75));
  const total = chosen.reduce((sum, { weight }) => sum + weight, 0);
  while (!isOver() && total > 0) {
    await world.sleep(PAUSE_MS.least + dice.around(PAUSE_MS.mean));
    if (isOver()) return;
    let at = dice.next() * total;
    const next = chosen.find(({ weight }) => (at -= weight) < 0);
    if (next === undefined) continue;
    counts.faults++;
    trace.note("fault", next.name);
    // A change of members goes on beside what else goes wrong.
    void next.fault(context);
  }
}
