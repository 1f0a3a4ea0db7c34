import { cpus, release, totalmem, type } from "node:os";

import type { Summary } from "./measurement.ts";

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown CPU",
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
  };
}

/** A machine in one line. */
export function describeMachine({ cores, cpu, memoryGiB, system, node }: Machine): string {
  return `${cores} x ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}`;
}

const columns: readonly [header: string, cell: (row: Summary) => string][] = [
  ["scenario", (row) => row.scenario],
  ["clients", (row) => String(row.clients)],
  ["ops/s", (row) => rate(row.opsPerSecond)],
  ["rounds' ops/s", (row) => `${rate(row.slowestRoundOpsPerSecond)} - ${rate(row.fastestRoundOpsPerSecond)}`],
  ["p50 ms", (row) => row.p50Ms.toFixed(2)],
  ["p99 ms", (row) => row.p99Ms.toFixed(2)],
  ["max ms", (row) => row.maxMs.toFixed(1)],
  ["errors", (row) => String(row.errors)],
  ["server us/op", (row) => row.serverCpuUsPerOp?.toFixed(1) ?? "-"],
  ["generator us/op", (row) => row.generatorCpuUsPerOp.toFixed(1)],
  ["server MiB", (row) => (row.serverRssBytes === null ? "-" : (row.serverRssBytes / 1024 ** 2).toFixed(0))],
];

function rate(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** The figures as a table: the first column to the left, figures to the right. */
export function formatTable(rows: readonly Summary[]): string {
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
