import { cpus, release } from "node:os";

/** One row of the report. An operation is one resource written or read, one list, or one event delivered. */
export interface Measurement {
  readonly scenario: string;
  readonly clients: number;
  readonly operations: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server process per operation, in microseconds; null where it cannot be read. */
  readonly serverCpuUsPerOp: number | null;
  /** The same for the generator. */
  readonly generatorCpuUsPerOp: number;
  /** Resident memory of the server after the scenario. */
  readonly serverRssBytes: number | null;
}

/** What the figures were measured on. */
export function describeMachine(): string {
  return `${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}, Node ${process.versions.node}`;
}

const columns: readonly [header: string, cell: (row: Measurement) => string][] = [
  ["scenario", (row) => row.scenario],
  ["clients", (row) => String(row.clients)],
  ["ops/s", (row) => row.opsPerSecond.toFixed(row.opsPerSecond < 100 ? 1 : 0)],
  ["p50 ms", (row) => row.p50Ms.toFixed(2)],
  ["p99 ms", (row) => row.p99Ms.toFixed(2)],
  ["server us/op", (row) => row.serverCpuUsPerOp?.toFixed(1) ?? "-"],
  ["generator us/op", (row) => row.generatorCpuUsPerOp.toFixed(1)],
  ["server MiB", (row) => (row.serverRssBytes === null ? "-" : (row.serverRssBytes / 1024 ** 2).toFixed(0))],
];

/** The measurements as a table: the first column to the left, figures to the right. */
export function formatTable(rows: readonly Measurement[]): string {
  const lines = [
    columns.map(([header]) => header),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) =>
          index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
