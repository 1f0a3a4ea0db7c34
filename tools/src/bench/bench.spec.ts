import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

const SHORT = ["--seconds", "0.2", "--rounds", "1", "--clients", "4", "--watchers", "5", "--resources", "20"];

function bench(...args: string[]) {
  return runCommand("node", ["tools/src/bench/main.ts", ...args], { env: { NODE_OPTIONS: "" } });
}

describe("npm run bench", () => {
  it("measures every scenario, as a table and as JSON", async () => {
    const folder = mkdtempSync(join(tmpdir(), "trellis-bench-"));
    try {
      const json = join(folder, "figures.json");
      const { exitCode, output } = await bench(...SHORT, "--json", json);
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      expect(output).toMatch(/^scenario +clients +ops\/s/m);
      const { machine, results } = JSON.parse(readFileSync(json, "utf8"));
      expect(machine).toMatchObject({ cores: expect.any(Number), node: process.versions.node });
      expect(results.map(({ scenario }: { scenario: string }) => scenario)).toEqual([
        "write-1",
        "write-4",
        "read-1",
        "read-4",
        "list-20",
        "watch-5",
      ]);
      for (const row of results) {
        expect(row).toMatchObject({ errors: 0, rounds: 1 });
        expect(row.operations).toBeGreaterThan(0);
        // Every operation is counted once: at most `clients` calls are under way at any time.
        const atMost = ((row.clients * 1_000) / row.p50Ms) * (row.scenario === "watch-5" ? 5 : 1);
        expect(row.opsPerSecond).toBeLessThan(atMost * 5);
        expect(row.p99Ms).toBeGreaterThanOrEqual(row.p50Ms);
        expect(row.maxMs).toBeGreaterThanOrEqual(row.p99Ms);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    [["--seconds", "soon"], '--seconds: expected a number from 0.05 to 600; found "soon"'],
    [["--clients", "1.5"], '--clients: expected a whole number from 2 to 1000; found "1.5"'],
    [["--colour", "red"], "Unknown option '--colour'; there are --seconds N"],
    [["--json", "nowhere/figures.json"], "--json: expected a file in a folder that can be written"],
  ])("refuses %j in one line", async (args, message) => {
    const { exitCode, output } = await bench(...args);
    expect(exitCode).toBe(2);
    expect(output).toContain(`bench: ${message}`);
    expect(output.trim().split("\n")).toHaveLength(1);
  });
});
