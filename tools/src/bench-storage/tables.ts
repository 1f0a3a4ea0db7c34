import type { LargeStore, Pace } from "./large-store.ts";
import type { Throughput } from "./throughput.ts";

const MEBIBYTE = 1024 * 1024;

/** Throughput as rows of a Markdown table, as `docs/BENCHMARKS.md` has them. */
export function throughputTable(rows: readonly Throughput[]): string {
  return table(
    [
      "nodes",
      "under way",
      "commits/s",
      "rounds",
      "p50 ms",
      "p99 ms",
      "leader µs",
      "all nodes µs",
      "generator µs",
    ],
    rows.map((row) => [
      String(row.nodes),
      String(row.outstanding),
      whole(row.commitsPerSecond),
      `${whole(row.slowestRoundPerSecond)}–${whole(row.fastestRoundPerSecond)}`,
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      whole(row.leaderCpuUs),
      whole(row.nodesCpuUs),
      whole(row.generatorCpuUs),
    ]),
  );
}

/** The figures of a large store as such a table. */
export function largeStoreTable(store: LargeStore): string {
  return table(
    [`${whole(store.resources)} resources of 600 bytes`, "figure"],
    [
      ["filled, 500 at once", seconds(store.fillMs)],
      ["memory for each, in the process that was filled", `${whole(store.filledBytesPerResource)} bytes`],
      ["memory for each, in one that loaded them", `${whole(store.loadedBytesPerResource)} bytes`],
      ["snapshot written under load", seconds(store.snapshotMs)],
      ["snapshot's size", `${whole(store.snapshotBytes / MEBIBYTE)} MiB`],
      ["longest event-loop delay under load, without a snapshot", `${store.delayWithoutMs.toFixed(1)} ms`],
      ["longest event-loop delay under load, while it is written", `${store.delayDuringMs.toFixed(1)} ms`],
      ["commits without a snapshot", pace(store.commitsWithout)],
      ["commits while it is written", pace(store.commitsDuring)],
      ["restart, until a strong read is answered", seconds(store.restartMs)],
      ["snapshot installed on an empty member", seconds(store.installMs)],
      ["longest event-loop delay of the sender meanwhile", `${store.senderDelayMs.toFixed(1)} ms`],
      ["longest event-loop delay of the receiver meanwhile", `${store.receiverDelayMs.toFixed(1)} ms`],
    ],
  );
}

function pace({ perSecond, p99Ms, maxMs }: Pace): string {
  return `${whole(perSecond)}/s, p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(1)} ms`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
