import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";
import { summarize } from "./throughput.ts";

const PATIENCE_MS = 300_000;

function bench(...args: string[]) {
  return runCommand("node", ["tools/src/bench-storage/main.ts", ...args], {
    env: { NODE_OPTIONS: "" },
    timeoutMs: PATIENCE_MS,
  });
}

describe("npm run bench:storage", () => {
  it(
    "measures one node, three, and a store, as tables and as JSON",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "trellis-bench-storage-"));
      try {
        const json = join(folder, "figures.json");
        const short = ["--seconds", "0.1", "--rounds", "1", "--resources", "2000", "--json", json];
        const { exitCode, output } = await bench(...short);
        expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
        expect(output).toMatch(/^\| nodes \| under way \| commits\/s/m);
        expect(output).toMatch(/^\| snapshot installed on an empty member \| [\d.]+ s \|$/m);
        const { throughput, largeStore } = JSON.parse(readFileSync(json, "utf8"));
        expect(throughput).toMatchObject([
          { nodes: 1, outstanding: 1 },
          { nodes: 1, outstanding: 64 },
          { nodes: 3, outstanding: 1 },
          { nodes: 3, outstanding: 64 },
        ]);
        for (const { commitsPerSecond } of throughput) expect(commitsPerSecond).toBeGreaterThan(0);
        expect(largeStore.snapshotBytes).toBeGreaterThan(2_000 * 600);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    PATIENCE_MS,
  );

  it("refuses flags that it does not have", async () => {
    expect(await bench("--stores", "3")).toMatchObject({ exitCode: 2 });
  });

  it("shows the medians of the rounds", () => {
    const round = {
      elapsedMs: 1_000,
      p50Ms: 1,
      p99Ms: 2,
      maxMs: 3,
      nodesCpuUs: 900,
      leaderCpuUs: 600,
      generatorCpuUs: 300,
    };
    const rounds = [
      { ...round, commits: 100 },
      { ...round, commits: 300, p99Ms: 9 },
      { ...round, commits: 200, p99Ms: 5 },
    ];
    expect(summarize(3, 64, rounds)).toMatchObject({
      commitsPerSecond: 200,
      slowestRoundPerSecond: 100,
      fastestRoundPerSecond: 300,
      p99Ms: 5,
      leaderCpuUs: 3,
    });
  });
});
