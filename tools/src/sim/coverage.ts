import type { SimulationReport } from "@trellis/testkit/sim";

/** What a run showed, as far as it counts here. */
type Covered = Pick<SimulationReport, "coverage">;

/** Sums over many runs, by name. */
export type Totals = Readonly<Record<keyof SimulationReport["coverage"], number>>;

/** The seeds of the run that the least coverage is meant for; other numbers of seeds are measured in proportion. */
const SEEDS = 2_000;

/** What those seeds come to at least: where less happens, less is shown. */
const LEAST = {
  elections: 10_000,
  snapshotsInstalled: 500,
  tornTails: 500,
  membershipChanges: 500,
  oneWayCuts: 1_000,
  ambiguous: 5_000,
  restores: 350,
  routedRuns: 250,
} as const;

/** What runs with routers come to at least, each on average. */
const LEAST_OF_ROUTED = { routersCrashed: 4, replicasChanged: 15, commitsRepeated: 10 } as const;

/** In each single run of a minute or more. */
const LEAST_OF_EACH = { operations: 300, faults: 5 } as const;

export function addCoverage(totals: Totals | undefined, report: Covered): Totals {
  const sums: Record<string, number> = { ...totals };
  for (const [name, count] of Object.entries(report.coverage)) sums[name] = (sums[name] ?? 0) + count;
  return sums as Totals;
}

/** In what a run of so many minutes came short of what every run has to have; empty when in nothing, and for shorter ones. */
export function shortfallsOfRun({ coverage }: Covered, minutes: number): readonly string[] {
  if (minutes < 1) return [];
  return Object.entries(LEAST_OF_EACH).flatMap(([name, least]) => {
    const found = coverage[name as keyof typeof LEAST_OF_EACH];
    return found >= least ? [] : [`expected ${least} ${name} at least, found ${found}`];
  });
}

/** In what many runs together came short; empty when in nothing. */
export function shortfalls(totals: Totals, seeds: number): readonly string[] {
  return Object.entries(leastOf(totals, seeds)).flatMap(([name, least]) => {
    const found = totals[name as keyof Totals];
    return found >= least ? [] : [`expected ${least} ${name} at least over ${seeds} seeds, found ${found}`];
  });
}

/** A table of what happened how often. */
export function coverageTable(totals: Totals, seeds: number): string {
  const leastOfEach = leastOf(totals, seeds);
  return Object.entries(totals)
    .map(([name, count]) => {
      const least = leastOfEach[name] === undefined ? "" : `at least ${leastOfEach[name]}`;
      return `  ${name.padEnd(20)}${String(count).padStart(10)}  ${least}`.trimEnd();
    })
    .join("\n");
}

/** What so many seeds are to come to, by name. */
function leastOf({ routedRuns }: Totals, seeds: number): Readonly<Record<string, number>> {
  const ofAll = Object.entries(LEAST).map(([name, least]) => [name, Math.floor((least * seeds) / SEEDS)]);
  const ofRouted = Object.entries(LEAST_OF_ROUTED).map(([name, least]) => [name, least * routedRuns]);
  return Object.fromEntries([...ofAll, ...ofRouted]) as Record<string, number>;
}
