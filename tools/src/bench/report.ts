import type { Result } from "./measurement.ts";
import { type Column, table } from "./table.ts";
import type { Comparison, Target } from "./targets.ts";

const MEBIBYTE = 1024 ** 2;
/** A generator that uses this part of its core or more may be what limits. */
export const BUSY_GENERATOR = 0.85;

const resultColumns: readonly Column<Result>[] = [
  ["scenario", (row) => row.scenario],
  ["system", (row) => row.system],
  ["ops/s", (row) => whole(row.opsPerSecond)],
  ["rounds", (row) => `${whole(row.slowestRoundOpsPerSecond)}–${whole(row.fastestRoundOpsPerSecond)}`],
  ["p50 ms", (row) => row.p50Ms.toFixed(2)],
  ["p99 ms", (row) => row.p99Ms.toFixed(2)],
  ["p99.9 ms", (row) => row.p999Ms.toFixed(2)],
  ["servers' CPU µs/op", (row) => row.serverCpuUsPerOp?.toFixed(1) ?? "-"],
  ["of each", (row) => eachCpu(row)],
  ["memory MiB", (row) => (row.rssBytes === null ? "-" : whole(row.rssBytes / MEBIBYTE))],
  ["generator µs/op", (row) => row.generatorCpuUsPerOp.toFixed(1)],
];

const comparisonColumns: readonly Column<Comparison>[] = [
  ["target", ({ target }) => target.what],
  ["scenario", ({ scenario }) => scenario],
  ["at least", ({ target }) => wanted(target)],
  ["per CPU second", ({ perCpuSecond }) => times(perCpuSecond)],
  ["throughput", ({ throughput }) => times(throughput)],
  ["p99", ({ p99 }) => times(p99)],
  ["met", ({ met }) => (met ? "yes" : "no")],
];

/** All figures as a Markdown table, for a terminal as well. */
export function resultTable(results: readonly Result[]): string {
  return table(resultColumns, results);
}

/** What was to be reached, what was found, and whether that is enough, as such a table. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return table(comparisonColumns, comparisons);
}

/** What a reader of the figures has to know besides: that there were fewer rounds than wanted, where the generator may have been the limit, and which calls failed. */
export function warnings(results: readonly Result[], wantedRounds: number): readonly string[] {
  const rounds = results[0]?.rounds ?? 0;
  const fewer =
    rounds < wantedRounds
      ? [`only ${rounds} of ${wantedRounds} rounds fit into the time: the machine is slow or busy`]
      : [];
  const ofResults = results.flatMap(({ scenario, system, generatorBusy, errors }) => {
    const busy =
      generatorBusy >= BUSY_GENERATOR
        ? [
            `${scenario} ${system}: the generator used ${Math.round(generatorBusy * 100)} % of a core and may be the limit: trust the CPU, not the throughput`,
          ]
        : [];
    const failed =
      Object.keys(errors).length > 0
        ? [`${scenario} ${system}: calls failed: ${JSON.stringify(errors)}`]
        : [];
    return [...busy, ...failed];
  });
  return [...fewer, ...ofResults];
}

function wanted({ perCpuSecond, throughput, p99 }: Target): string {
  const parts = [
    `${times(perCpuSecond)} per CPU second`,
    ...(throughput === undefined ? [] : [`${times(throughput)} throughput`]),
    ...(p99 === true ? ["p99 no worse"] : []),
  ];
  return parts.join(", ");
}

function eachCpu({ cpuUsPerOp }: Result): string {
  const each = Object.entries(cpuUsPerOp);
  return each.length < 2 ? "" : each.map(([name, us]) => `${name} ${us.toFixed(1)}`).join(", ");
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
