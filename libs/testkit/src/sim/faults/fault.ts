import type { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Dice } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";

/** How often what was done to a cluster. */
export interface FaultCounts {
  faults: number;
  crashes: number;
  oneWayCuts: number;
  partitions: number;
  stalls: number;
}

/** What faults work on. */
export interface FaultContext {
  readonly world: World;
  readonly cluster: Cluster;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly counts: FaultCounts;
  /** Whether the time of faults is over: nothing new is begun. */
  readonly isOver: () => boolean;
}

/** Something that goes wrong, or that an operator does at the wrong moment. It puts right what it did, or leaves that to the end. */
export type Fault = (context: FaultContext) => void | Promise<void>;

/** One of the machines on which a replica runs; undefined when there is none. */
export function anyUp({ cluster, dice }: FaultContext): Machine | undefined {
  const up = cluster.machines.filter(({ isUp, replica }) => isUp && replica !== undefined);
  return up.length === 0 ? undefined : dice.pick(up);
}

/** The leader more often than not: what happens to others is less of a danger. */
export function oftenLeader(context: FaultContext): Machine | undefined {
  const leader = context.dice.chance(0.6) ? context.cluster.leader : undefined;
  return leader ?? anyUp(context);
}
