import { setTimeout as sleep } from "node:timers/promises";

import { signalProcess } from "../../process-family.ts";
import { aWhile, type FaultContext, forSeconds, type ProcessFaultContext } from "./fault.ts";

/** Any process that runs. */
function anyProcess({
  chaos,
  dice,
}: ProcessFaultContext): { readonly name: string; readonly pid: number } | undefined {
  const { name } = dice.pick(chaos.cluster.processes);
  const pid = chaos.cluster.pid(name);
  return pid === undefined ? undefined : { name, pid };
}

/** Kills a process. */
export async function killOne(context: ProcessFaultContext): Promise<void> {
  const process = anyProcess(context);
  if (process === undefined) return;
  context.timeline.count("kill -9");
  context.timeline.tell(process.name, "is killed");
  context.chaos.cluster.kill(process.name);
}

/** Kills whoever leads. */
export async function killLeader({ chaos, timeline }: FaultContext): Promise<void> {
  const leader = await chaos.operator.leader().catch(() => undefined);
  if (leader === undefined) return;
  timeline.count("kill -9 of the leader");
  timeline.tell(leader.name, "is killed while it leads");
  chaos.cluster.kill(leader.name);
}

/** Kills all processes at once. */
export async function killAll({ chaos, timeline }: FaultContext): Promise<void> {
  timeline.count("kill -9 of all at once");
  timeline.tell("all", "are killed at once");
  for (const { name } of chaos.cluster.processes) chaos.cluster.kill(name);
}

/** Stops a process in its tracks, and lets it go on later. */
export async function freezeOne(context: ProcessFaultContext): Promise<void> {
  const process = anyProcess(context);
  if (process === undefined) return;
  const ms = aWhile(context);
  context.timeline.count("SIGSTOP");
  context.timeline.tell(process.name, `is stopped (SIGSTOP) ${forSeconds(ms)}`);
  signalProcess(process.pid, "SIGSTOP");
  await sleep(ms);
  signalProcess(process.pid, "SIGCONT");
  context.timeline.tell(process.name, "goes on");
}
