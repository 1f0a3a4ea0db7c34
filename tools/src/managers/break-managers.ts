import { setTimeout as sleep } from "node:timers/promises";

import { forSeconds, type ProcessFaultContext } from "../chaos/faults/fault.ts";
import { cutBothWays, cutOneWay } from "../chaos/faults/networks.ts";
import { freezeOne, killOne } from "../chaos/faults/processes.ts";
import { signalProcess } from "../process-family.ts";
import type { ManagerProcesses } from "./manager-processes.ts";

/** What faults of managers are made with. */
export interface ManagerFaultContext extends ProcessFaultContext {
  readonly managers: ManagerProcesses;
}

/** Faults that are there at once, at most: one manager is left in peace. */
const AT_ONCE = 2;
/** From one fault to the next. */
const GAP_MS = { least: 500, most: 4_000 };

/** How long a manager that stands still is not heard either: others take over after four seconds. */
const LATE_MS = { least: 3_000, most: 9_000 };
/** How long, at most, it goes on to send what waits at the cut, and stands still once that has arrived. */
const SENDS_MS = 500;

/** What may happen, and how often of so many times. */
const FAULTS: readonly (readonly [number, (context: ManagerFaultContext) => Promise<void>])[] = [
  [5, killOne],
  [7, freezeOne],
  [5, cutBothWays],
  [3, cutOneWay],
  [2, stopOne],
  [4, freezeWhileCutOff],
];

/** Breaks managers and their network until the time is up, and mends all. Resolves with what could not be done. */
export async function breakManagers(
  context: ManagerFaultContext,
  untilMs: number,
): Promise<readonly string[]> {
  const troubles: string[] = [];
  const underWay = new Set<Promise<void>>();
  while (performance.now() < untilMs) {
    await sleep(context.dice.between(GAP_MS.least, GAP_MS.most));
    if (underWay.size >= AT_ONCE || performance.now() >= untilMs) continue;
    const done = drawn(context)(context)
      .catch((error: unknown) => void troubles.push((error as Error).message))
      .finally(() => underWay.delete(done));
    underWay.add(done);
  }
  await Promise.all(underWay);
  return troubles;
}

function drawn({ dice }: ManagerFaultContext) {
  let left = dice.below(FAULTS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, fault] of FAULTS) {
    if (left < weight) return fault;
    left -= weight;
  }
  return killOne;
}

/** Asks a manager to end. */
async function stopOne({ managers, dice, timeline }: ManagerFaultContext): Promise<void> {
  const { name } = dice.pick(managers.processes);
  timeline.count("SIGTERM");
  timeline.tell(name, "is asked to end");
  managers.terminate(name);
}

/** What a manager had sent comes late, when others have taken over: it stands still meanwhile, and cannot think better of it. */
async function freezeWhileCutOff(context: ManagerFaultContext): Promise<void> {
  const { managers, dice, timeline } = context;
  const { name } = dice.pick(managers.processes);
  const pid = managers.pid(name);
  if (pid === undefined) return;
  const way = { from: name, to: "gateway" };
  const ms = dice.between(LATE_MS.least, LATE_MS.most);
  timeline.count("not heard, and SIGSTOP");
  timeline.tell(name, `is not heard by the gateway, and stopped (SIGSTOP) ${forSeconds(ms)}`);
  managers.network.cut(way);
  await sleep(dice.between(0, SENDS_MS));
  signalProcess(pid, "SIGSTOP");
  await sleep(ms);
  managers.network.mend(way);
  await sleep(dice.between(0, SENDS_MS));
  signalProcess(pid, "SIGCONT");
  timeline.tell(name, "is heard again, and goes on");
}
