import { median } from "../../bench-log/median.ts";
import { BenchError } from "../bench-error.ts";
import { type Measurement, serverCpuUsOf } from "../measurement.ts";

/** What all rounds of a subject gave: the median of each figure. */
export interface Figures {
  /** The row, or the scenario of etcd. */
  readonly name: string;
  readonly opsPerSecond: number;
  /** CPU time of the server for an operation, in microseconds. */
  readonly cpuUs: number;
  /** The generator's. */
  readonly generatorUs: number;
  /** The part of a core that the generator used. */
  readonly generatorBusy: number;
  /** Calls of all rounds that failed. */
  readonly failures: number;
}

/** Joins the rounds of a subject. Throws for none, and a BenchError where the CPU of a process cannot be read. */
export function figuresOfRounds(name: string, rounds: readonly Measurement[]): Figures {
  const middle = (figure: (round: Measurement) => number): number => median(rounds.map(figure));
  return {
    name,
    opsPerSecond: middle((round) => round.opsPerSecond),
    cpuUs: middle(serverCpuUs),
    generatorUs: middle((round) => round.generatorCpuUsPerOp),
    generatorBusy: middle((round) => round.generatorBusy),
    failures: sum(rounds.flatMap(({ errors }) => Object.values(errors))),
  };
}

function serverCpuUs(measured: Measurement): number {
  const cpuUs = serverCpuUsOf(measured);
  if (cpuUs === undefined)
    throw new BenchError("expected Linux, whose /proc tells the CPU of a process; found none");
  return cpuUs;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
