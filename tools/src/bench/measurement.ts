/** One scenario's figures. An operation is one resource written or read, one list, or one event delivered. */
export interface Measurement {
  readonly scenario: string;
  readonly clients: number;
  readonly operations: number;
  /** Calls that failed; they are no operations. */
  readonly errors: number;
  readonly errorCodes: Readonly<Record<string, number>>;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of the server process per operation, in microseconds; null where it cannot be read. */
  readonly serverCpuUsPerOp: number | null;
  /** The same for the generator. */
  readonly generatorCpuUsPerOp: number;
  /** Resident memory of the server after the scenario. */
  readonly serverRssBytes: number | null;
}

/** A scenario's figures over all rounds: the median of each, sums of counts. */
export interface Summary extends Measurement {
  readonly rounds: number;
  readonly slowestRoundOpsPerSecond: number;
  readonly fastestRoundOpsPerSecond: number;
}

/** Joins the rounds of one scenario. Throws for none. */
export function summarize(rounds: readonly Measurement[]): Summary {
  const [first] = rounds;
  if (first === undefined) throw new Error("a scenario has at least one round");
  const rates = rounds.map((round) => round.opsPerSecond);
  const middle = (figure: (round: Measurement) => number): number => median(rounds.map(figure));
  const middleOrNull = (figure: (round: Measurement) => number | null): number | null => {
    const known = rounds.map(figure).filter((value) => value !== null);
    return known.length === 0 ? null : median(known);
  };
  return {
    scenario: first.scenario,
    clients: first.clients,
    rounds: rounds.length,
    operations: sum(rounds.map((round) => round.operations)),
    errors: sum(rounds.map((round) => round.errors)),
    errorCodes: addCounts(rounds.map((round) => round.errorCodes)),
    opsPerSecond: median(rates),
    slowestRoundOpsPerSecond: Math.min(...rates),
    fastestRoundOpsPerSecond: Math.max(...rates),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    maxMs: Math.max(...rounds.map((round) => round.maxMs)),
    serverCpuUsPerOp: middleOrNull((round) => round.serverCpuUsPerOp),
    generatorCpuUsPerOp: middle((round) => round.generatorCpuUsPerOp),
    serverRssBytes: middleOrNull((round) => round.serverRssBytes),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
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
