import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";
import { compareLogs } from "./compare.ts";
import { summarizeRounds } from "./measure.ts";
import type { LogStore } from "./stores/log-store.ts";

function bench(...args: string[]) {
  return runCommand("node", ["tools/src/bench-log/main.ts", ...args], { env: { NODE_OPTIONS: "" } });
}

describe("npm run bench:log", () => {
  it("prints a row for each log and batch size", async () => {
    const { exitCode, output } = await bench("--seconds", "0.001", "--rounds", "1");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toMatch(/^\| log +\| batch +\| entries\/s/m);
    for (const log of ["trellis wal", "node:sqlite, WAL, FULL", "lmdb, transactionSync"]) {
      for (const batch of [1, 16, 128]) expect(output).toContain(`| ${log} | ${batch} | `);
    }
  });

  it("refuses flags it does not have", async () => {
    expect(await bench("--stores", "3")).toMatchObject({ exitCode: 2 });
  });
});

/** A log that writes down what it is asked for. */
class CountingStore implements LogStore {
  entries = 0;
  dropIndex = 1;
  isClosed = false;

  async append(firstIndex: number, entries: readonly Uint8Array[]): Promise<void> {
    expect(firstIndex).toBe(this.entries + 1);
    this.entries += entries.length;
    expect(this.entries - this.dropIndex).toBeLessThan(112_000);
  }

  async dropBefore(index: number): Promise<void> {
    this.dropIndex = index;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

describe("the logs that are compared", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "trellis-bench-log-spec-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("get consecutive entries in every round, give up the old ones, and are closed", async () => {
    const stores = [new CountingStore(), new CountingStore()];
    const kinds = stores.map((store, position) => ({ name: `log ${position}`, open: async () => store }));
    const loads = [
      { batch: 1, entryBytes: 10 },
      { batch: 1000, entryBytes: 1 },
    ];
    const figures = await compareLogs(kinds, { directory, loads, rounds: 2, roundMs: 5 });
    expect(figures.map(({ log, batch }) => `${log} × ${batch}`)).toEqual([
      "log 0 × 1",
      "log 1 × 1",
      "log 0 × 1000",
      "log 1 × 1000",
    ]);
    for (const { entries, isClosed } of stores) {
      expect(entries).toBeGreaterThan(3 * 1001 - 1);
      expect(isClosed).toBe(true);
    }
  });

  it("show the medians of their rounds", () => {
    const round = { batches: 100, elapsedMs: 1_000, cpuUs: 5_000, p99Ms: 1 };
    const figures = summarizeRounds("a log", { batch: 16, entryBytes: 600 }, [
      round,
      { ...round, batches: 300, cpuUs: 30_000, p99Ms: 9 },
      { ...round, batches: 200, cpuUs: 40_000, p99Ms: 2 },
    ]);
    expect(figures).toEqual({
      log: "a log",
      batch: 16,
      entriesPerSecond: 3_200,
      slowestRoundPerSecond: 1_600,
      fastestRoundPerSecond: 4_800,
      cpuUsPerBatch: 100,
      p99Ms: 2,
    });
  });
});
