import type { Scenario } from "./scenarios.ts";

/** One round of a scenario. */
export interface Round {
  readonly operations: number;
  readonly steps: number;
  readonly elapsedMs: number;
  /** CPU time of the process, user and system. */
  readonly cpuUs: number;
}

/** A scenario's figures: medians of its rounds. */
export interface Figures {
  readonly scenario: string;
  readonly nodes: number;
  readonly operationsPerSecond: number;
  readonly slowestRoundPerSecond: number;
  readonly fastestRoundPerSecond: number;
  readonly stepsPerSecond: number;
  readonly cpuUsPerOperation: number;
  readonly cpuUsPerStep: number;
}

const WARM_UP_SHARE = 0.2;

/** Runs a scenario in a group of its own for some milliseconds, after a warm-up of a fifth of it. */
export function measureRound(scenario: Scenario, milliseconds: number): Round {
  const { group, run } = scenario.start();
  repeat(run, milliseconds * WARM_UP_SHARE);
  const stepsBefore = group.steps;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const operations = repeat(run, milliseconds);
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { operations, steps: group.steps - stepsBefore, elapsedMs, cpuUs: user + system };
}

function repeat(run: () => number, milliseconds: number): number {
  const deadlineMs = performance.now() + milliseconds;
  let operations = 0;
  do operations += run();
  while (performance.now() < deadlineMs);
  return operations;
}

/** Joins the rounds of a scenario. Throws for none. */
export function summarizeRounds({ name, nodes }: Scenario, rounds: readonly Round[]): Figures {
  if (rounds.length === 0) throw new Error("a scenario has at least one round");
  const rates = rounds.map(({ operations, elapsedMs }) => (operations / elapsedMs) * 1_000);
  return {
    scenario: name,
    nodes,
    operationsPerSecond: median(rates),
    slowestRoundPerSecond: Math.min(...rates),
    fastestRoundPerSecond: Math.max(...rates),
    stepsPerSecond: median(rounds.map(({ steps, elapsedMs }) => (steps / elapsedMs) * 1_000)),
    cpuUsPerOperation: median(rounds.map(({ cpuUs, operations }) => cpuUs / operations)),
    // A group of one sends nothing.
    cpuUsPerStep: median(rounds.map(({ cpuUs, steps }) => (steps === 0 ? 0 : cpuUs / steps))),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
