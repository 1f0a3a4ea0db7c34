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
} as const;

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
  return Object.entries(LEAST).flatMap(([name, leastOfAll]) => {
    const least = Math.floor((leastOfAll * seeds) / SEEDS);
    const found = totals[name as keyof typeof LEAST];
    return found >= least ? [] : [`expected ${least} ${name} at least over ${seeds} seeds, found ${found}`];
  });
}

/** A table of what happened how often. */
export function coverageTable(totals: Totals, seeds: number): string {
  return Object.entries(totals)
    .map(([name, count]) => {
      const leastOfAll = (LEAST as Record<string, number>)[name];
      const least = leastOfAll === undefined ? "" : `at least ${Math.floor((leastOfAll * seeds) / SEEDS)}`;
      return `  ${name.padEnd(20)}${String(count).padStart(10)}  ${least}`.trimEnd();
    })
    .join("\n");
}
