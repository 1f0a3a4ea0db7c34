import { setTimeout as sleep } from "node:timers/promises";

import { VOTERS } from "../chaos-cluster.ts";
import { type FaultContext, type MakeFault } from "./fault.ts";
import { fillDisk } from "./full-disk.ts";
import { replaceMember, transferLeadership } from "./members.ts";
import { cutBothWays, cutOneWay, isolate } from "./networks.ts";
import { freezeOne, killAll, killLeader, killOne } from "./processes.ts";

/** Faults that are there at once, at most. */
const AT_ONCE = 2;
/** From one fault to the next. */
const GAP_MS = { least: 700, most: 4_000 };
/** How long there is trouble before everything is mended, and seen to be well. */
const SPELL_MS = { least: 20_000, most: 45_000 };
/** How long the cluster may take to be well when nothing is broken any more. */
const RECOVERY_MS = 60_000;

/** What may happen, and how often of so many times. */
const FAULTS: readonly (readonly [number, MakeFault])[] = [
  [5, killOne],
  [3, killLeader],
  [6, freezeOne],
  [5, cutOneWay],
  [5, cutBothWays],
  [2, isolate],
  [1, fillDisk],
  [1, killAll],
  [2, transferLeadership],
];
/** What is done once in each spell, by turns: what takes long, or would seldom come by chance. */
const ONCE_A_SPELL: readonly MakeFault[] = [replaceMember, fillDisk, killAll];

/** Faults until the time is up, in spells; after each all is mended, and has to be well. Resolves with what is wrong with that. */
export async function makeTrouble(context: FaultContext, untilMs: number): Promise<readonly string[]> {
  const findings: string[] = [];
  for (let spell = context.dice.below(ONCE_A_SPELL.length); performance.now() < untilMs; spell++) {
    const endMs = Math.min(untilMs, performance.now() + context.dice.between(SPELL_MS.least, SPELL_MS.most));
    await troubleUntil(context, endMs, ONCE_A_SPELL[spell % ONCE_A_SPELL.length] as MakeFault, findings);
    findings.push(...(await recover(context)));
  }
  return findings;
}

async function troubleUntil(
  context: FaultContext,
  endMs: number,
  first: MakeFault,
  findings: string[],
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const make = (fault: MakeFault): void => {
    const done = fault(context)
      .catch((error: unknown) => void findings.push((error as Error).message))
      .finally(() => underWay.delete(done));
    underWay.add(done);
  };
  make(first);
  while (performance.now() < endMs) {
    await sleep(context.dice.between(GAP_MS.least, GAP_MS.most));
    if (underWay.size < AT_ONCE) make(drawn(context));
  }
  await Promise.all(underWay);
}

function drawn({ dice }: FaultContext): MakeFault {
  let left = dice.below(FAULTS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, fault] of FAULTS) {
    if (left < weight) return fault;
    left -= weight;
  }
  return killOne;
}

/** Waits until everything is well, and a write goes through. */
export async function recover({ chaos, timeline }: FaultContext): Promise<readonly string[]> {
  const startedMs = performance.now();
  timeline.tell("all", "is mended");
  try {
    await chaos.cluster.ready();
    const { members, leaderId, term } = await chaos.operator.healthy(VOTERS, RECOVERY_MS);
    const leader = members.find(({ id }) => id === leaderId)?.name ?? "";
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    timeline.tell("all", `is well again after ${seconds} s; ${leader} leads in term ${term}`);
    return [];
  } catch (error) {
    timeline.tell("all", (error as Error).message);
    return [(error as Error).message];
  }
}
