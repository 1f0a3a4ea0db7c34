import { setTimeout as sleep } from "node:timers/promises";

import type { Way } from "../network/gates.ts";
import { aWhile, type FaultContext, forSeconds, type ProcessFaultContext } from "./fault.ts";

/** How often the connections of a cut break when it is mended; the others go on with what was held back. */
const BREAKS = 0.4;

/** Cuts one way between two processes that talk to each other. */
export async function cutOneWay(context: ProcessFaultContext): Promise<void> {
  const { chaos, dice } = context;
  const pairs = chaos.network.pairs();
  if (pairs.length === 0) return;
  const { from, to } = dice.pick(pairs);
  const way = dice.chance(0.5) ? { from, to } : { from: to, to: from };
  await cut(context, { kind: "cut one way", who: way.from, what: `is not heard by ${way.to}`, ways: [way] });
}

/** Cuts both ways between two processes. */
export async function cutBothWays(context: ProcessFaultContext): Promise<void> {
  const { chaos, dice } = context;
  const pairs = chaos.network.pairs();
  if (pairs.length === 0) return;
  const { from, to } = dice.pick(pairs);
  const ways = [
    { from, to },
    { from: to, to: from },
  ];
  await cut(context, {
    kind: "cut both ways",
    who: from,
    what: `and ${to} are cut off from each other`,
    ways,
  });
}

/** Cuts one process off from all others, or whoever leads. */
export async function isolate(context: FaultContext): Promise<void> {
  const { chaos, dice } = context;
  const leader = dice.chance(0.5) ? await chaos.operator.leader().catch(() => undefined) : undefined;
  const name = leader?.name ?? dice.pick(chaos.cluster.processes).name;
  const others = chaos.cluster.processes.filter((process) => process.name !== name);
  const ways = others.flatMap(({ name: other }) => [
    { from: name, to: other },
    { from: other, to: name },
  ]);
  await cut(context, { kind: "cut off from all", who: name, what: "is cut off from all others", ways });
}

interface Cut {
  readonly kind: string;
  readonly who: string;
  readonly what: string;
  readonly ways: readonly Way[];
}

async function cut(context: ProcessFaultContext, { kind, who, what, ways }: Cut): Promise<void> {
  const { chaos, dice, timeline } = context;
  const ms = aWhile(context);
  const breaks = dice.chance(BREAKS);
  timeline.count(kind);
  timeline.tell(who, `${what} ${forSeconds(ms)}`);
  for (const way of ways) chaos.network.cut(way);
  await sleep(ms);
  const broken = breaks ? ways.reduce((sum, way) => sum + chaos.network.reset(way), 0) : 0;
  if (broken > 0) timeline.count("connections reset", broken);
  for (const way of ways) chaos.network.mend(way);
  timeline.tell(who, broken > 0 ? `is heard again, ${broken} connections broken` : "is heard again");
}
