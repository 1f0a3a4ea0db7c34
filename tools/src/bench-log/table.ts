import type { Figures } from "./measure.ts";

const columns: readonly [header: string, cell: (row: Figures) => string][] = [
  ["log", (row) => row.log],
  ["batch", (row) => String(row.batch)],
  ["entries/s", (row) => rate(row.entriesPerSecond)],
  ["rounds", (row) => `${rate(row.slowestRoundPerSecond)}–${rate(row.fastestRoundPerSecond)}`],
  ["CPU µs/batch", (row) => row.cpuUsPerBatch.toFixed(0)],
  ["p99 ms", (row) => row.p99Ms.toFixed(2)],
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
