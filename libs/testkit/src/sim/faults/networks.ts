import { CALM } from "../network/links.ts";
import { type Fault, type FaultContext, oftenLeader } from "./fault.ts";

/** How long a cut lasts, at most. */
const CUT_MS = 7_000;

function healLater(
  { world, cluster, dice }: FaultContext,
  pairs: readonly (readonly [string, string])[],
): void {
  for (const [from, to] of pairs) cluster.links.cut(from, to);
  world.in(dice.between(200, CUT_MS), () => {
    for (const [from, to] of pairs) cluster.links.heal(from, to);
  });
}

/** Nothing gets through in one direction, between two machines or between one and all others. */
export const oneWayCut: Fault = (context) => {
  const { cluster, dice, counts } = context;
  const machine = oftenLeader(context);
  if (machine === undefined) return;
  counts.oneWayCuts++;
  const others = cluster.machines.filter((other) => other !== machine).map(({ name }) => name);
  const cutOff = dice.chance(0.5) ? others : [dice.pick(others)];
  const isInward = dice.chance(0.5);
  healLater(
    context,
    cutOff.map((other) => (isInward ? [other, machine.name] : [machine.name, other])),
  );
};

/** The machines fall into two halves that do not hear each other. */
export const partition: Fault = (context) => {
  const { cluster, dice, counts } = context;
  counts.partitions++;
  const names = cluster.machines.map(({ name }) => name);
  const side = new Set(names.filter(() => dice.chance(0.5)));
  healLater(
    context,
    names.flatMap((from) =>
      names.filter((to) => side.has(from) !== side.has(to)).map((to) => [from, to] as const),
    ),
  );
};

/** The network loses, repeats, delays and reorders more than it should. */
export const badWeather: Fault = ({ world, cluster, dice }) => {
  const { weather } = cluster.links;
  weather.lossRate = dice.pick([0, 0.02, 0.1, 0.3]);
  weather.duplicateRate = dice.pick([0, 0.02, 0.2]);
  weather.lateRate = dice.pick([0, 0.01, 0.1]);
  weather.delayMs = dice.pick([0.3, 1, 10, 40]);
  world.in(dice.between(1_000, 8_000), () => Object.assign(weather, CALM));
};
