import type { Figures } from "./measure.ts";

const columns: readonly [header: string, cell: (row: Figures) => string][] = [
  ["scenario", (row) => row.scenario],
  ["nodes", (row) => String(row.nodes)],
  ["ops/s", (row) => rate(row.operationsPerSecond)],
  ["rounds", (row) => `${rate(row.slowestRoundPerSecond)}–${rate(row.fastestRoundPerSecond)}`],
  ["steps/s", (row) => (row.stepsPerSecond === 0 ? "-" : rate(row.stepsPerSecond))],
  ["CPU µs/op", (row) => row.cpuUsPerOperation.toFixed(2)],
  ["CPU µs/step", (row) => (row.cpuUsPerStep === 0 ? "-" : row.cpuUsPerStep.toFixed(2))],
];

function rate(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** The figures as rows of a Markdown table, as `docs/BENCHMARKS.md` has them. */
export function formatFigures(rows: readonly Figures[]): string {
  const cells = [
    columns.map(([header]) => header),
    columns.map(() => "---"),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  return cells.map((row) => `| ${row.join(" | ")} |`).join("\n");
}
