import { median } from "../bench-log/median.ts";
import type { System } from "./deployment.ts";

/** What one round of a scenario gave. An operation is one resource written or read, or one event delivered. */
export interface Measurement {
  readonly operations: number;
  /** Calls that failed, by what they failed with; they are no operations. */
  readonly errors: Readonly<Record<string, number>>;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** CPU time of each server process for an operation, in microseconds; undefined where it cannot be read. */
  readonly cpuUsPerOp: Readonly<Record<string, number>> | undefined;
  readonly generatorCpuUsPerOp: number;
  /** The part of a core that the generator used. */
  readonly generatorBusy: number;
  /** Resident memory of all server processes after the scenario. */
  readonly rssBytes: number | undefined;
}

/** A scenario's figures over all rounds: the median of each, sums of counts. */
export interface Result {
  readonly scenario: string;
  readonly system: System;
  readonly clients: number;
  /** How many rounds there were. */
  readonly rounds: number;
  readonly opsPerSecond: number;
  readonly slowestRoundOpsPerSecond: number;
  readonly fastestRoundOpsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** CPU time of all server processes for an operation, in microseconds; null where it cannot be read. */
  readonly serverCpuUsPerOp: number | null;
  /** The same of each. */
  readonly cpuUsPerOp: Readonly<Record<string, number>>;
  readonly rssBytes: number | null;
  readonly generatorCpuUsPerOp: number;
  readonly generatorBusy: number;
  readonly operations: number;
  readonly errors: Readonly<Record<string, number>>;
}

/** What is measured, for its results. */
export type ResultOf = Pick<Result, "scenario" | "system" | "clients">;

/** Joins the rounds of one scenario with one system. Throws for none. */
export function summarize(of: ResultOf, rounds: readonly Measurement[]): Result {
  const rates = rounds.map((round) => round.opsPerSecond);
  const middle = (figure: (round: Measurement) => number): number => median(rounds.map(figure));
  const middleKnown = (figure: (round: Measurement) => number | undefined): number | null => {
    const known = rounds.map(figure).filter((value) => value !== undefined);
    return known.length === 0 ? null : median(known);
  };
  const names = Object.keys(rounds[0]?.cpuUsPerOp ?? {});
  return {
    ...of,
    rounds: rounds.length,
    opsPerSecond: median(rates),
    slowestRoundOpsPerSecond: Math.min(...rates),
    fastestRoundOpsPerSecond: Math.max(...rates),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    p999Ms: middle((round) => round.p999Ms),
    serverCpuUsPerOp: middleKnown(serverCpuUsOf),
    cpuUsPerOp: Object.fromEntries(
      names.map((name) => [name, middle(({ cpuUsPerOp }) => cpuUsPerOp?.[name] ?? 0)]),
    ),
    rssBytes: middleKnown((round) => round.rssBytes),
    generatorCpuUsPerOp: middle((round) => round.generatorCpuUsPerOp),
    generatorBusy: middle((round) => round.generatorBusy),
    operations: sum(rounds.map((round) => round.operations)),
    errors: addCounts(rounds.map((round) => round.errors)),
  };
}

/** CPU time of all server processes for an operation, in microseconds; undefined where it cannot be read. */
export function serverCpuUsOf({ cpuUsPerOp }: Pick<Measurement, "cpuUsPerOp">): number | undefined {
  return cpuUsPerOp && sum(Object.values(cpuUsPerOp));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function addCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const counts of all) {
    for (const [key, count] of Object.entries(counts)) totals[key] = (totals[key] ?? 0) + count;
  }
  return totals;
}
