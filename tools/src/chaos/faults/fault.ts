import type { Dice } from "@trellis/testkit";

import type { RunningCluster } from "../../cluster/running-cluster.ts";
import type { ChaosCluster } from "../chaos-cluster.ts";
import type { AlbumClients } from "../clients/album-clients.ts";
import type { Network } from "../network/network.ts";
import type { Timeline } from "../timeline.ts";

/** What faults of processes and of the network between them are made with. */
export interface ProcessFaultContext {
  readonly chaos: {
    readonly cluster: Pick<RunningCluster, "processes" | "pid" | "kill">;
    readonly network: Network;
  };
  readonly timeline: Timeline;
  readonly dice: Dice;
}

/** What faults of a whole cluster are made with. */
export interface FaultContext extends ProcessFaultContext {
  readonly chaos: ChaosCluster;
  readonly albums: AlbumClients;
}

/** Makes one fault, tells of it, and resolves when it is over and mended. */
export type MakeFault = (context: FaultContext) => Promise<void>;

/** How long most faults last, in milliseconds. */
export const LASTS_MS = { least: 1_000, most: 8_000 } as const;

/** A while that the dice decide on. */
export function aWhile({ dice }: Pick<ProcessFaultContext, "dice">): number {
  return dice.between(LASTS_MS.least, LASTS_MS.most);
}

/** Seconds as the timeline has them. */
export function forSeconds(ms: number): string {
  return `for ${(ms / 1_000).toFixed(1)} s`;
}
