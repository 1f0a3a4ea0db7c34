import { median } from "../../bench-log/median.ts";
import { type Measurement, serverCpuUsOf } from "../measurement.ts";

/** One round of two servers, under the same load right after each other. */
export interface Round {
  readonly base: Measurement;
  readonly other: Measurement;
}

/** CPU time of a server for an operation, in microseconds, beside that of the server that it is compared with. */
export interface Compared {
  /** Medians of the rounds. */
  readonly baseUs: number;
  readonly otherUs: number;
  /** The median of the rounds' ratios: what disturbs the machine for a while disturbs both servers of a round. */
  readonly ratio: number;
  /** Of all rounds together: what comes seldom, as a collection of the whole heap does, is in it, and what disturbed the machine is as well. */
  readonly meanRatio: number;
  /** The least and the largest ratio of a round. */
  readonly leastRatio: number;
  readonly mostRatio: number;
}

/** Joins rounds. Throws for none. */
export function compareRounds(rounds: readonly Round[]): Compared {
  const ratios = rounds.map(({ base, other }) => cpuUs(other) / cpuUs(base));
  return {
    baseUs: median(rounds.map(({ base }) => cpuUs(base))),
    otherUs: median(rounds.map(({ other }) => cpuUs(other))),
    ratio: median(ratios),
    meanRatio: meanUs(rounds.map(({ other }) => other)) / meanUs(rounds.map(({ base }) => base)),
    leastRatio: Math.min(...ratios),
    mostRatio: Math.max(...ratios),
  };
}

/** CPU time of all servers for an operation, in microseconds; NaN where it cannot be read. */
export function cpuUs(measured: Pick<Measurement, "cpuUsPerOp">): number {
  return serverCpuUsOf(measured) ?? Number.NaN;
}

function meanUs(rounds: readonly Measurement[]): number {
  const used = rounds.reduce((sum, round) => sum + cpuUs(round) * round.operations, 0);
  return used / rounds.reduce((sum, { operations }) => sum + operations, 0);
}
