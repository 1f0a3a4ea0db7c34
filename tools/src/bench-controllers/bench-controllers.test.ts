import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";
import { figuresTable, summarize } from "./figures.ts";

const PATIENCE_MS = 120_000;

function bench(...args: string[]) {
  return runCommand("node", ["tools/src/bench-controllers/main.ts", ...args], {
    env: { NODE_OPTIONS: "" },
    timeoutMs: PATIENCE_MS,
  });
}

describe("npm run bench:controllers", () => {
  it(
    "measures reconciles, memory and the start, as a table and as JSON",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "trellis-bench-controllers-"));
      try {
        const json = join(folder, "figures.json");
        const { exitCode, output } = await bench("--resources", "2000", "--rounds", "1", "--json", json);
        expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
        expect(output).toMatch(/^\| a no-op controller over 2,000 resources \| median \| rounds \|$/m);
        const { figures, rounds } = JSON.parse(readFileSync(json, "utf8"));
        expect(rounds).toHaveLength(1);
        for (const name of ["cachedMs", "startMs", "reconcilesPerSecond", "bytesPerResource"])
          expect(figures[name].median).toBeGreaterThan(0);
        expect(figures.startMs.median).toBeGreaterThanOrEqual(figures.cachedMs.median);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    PATIENCE_MS,
  );

  it("refuses flags that it does not have", async () => {
    expect(await bench("--controllers", "3")).toMatchObject({ exitCode: 2 });
  });

  it("shows the medians of the rounds, and their bounds", () => {
    const round = (factor: number) => ({
      cachedMs: 1_000 * factor,
      startMs: 2_000 * factor,
      reconcilesPerSecond: 50_000 * factor,
      bytesPerResource: 900 * factor,
    });
    expect(
      figuresTable(summarize([round(1), round(3), round(2)]), 100_000)
        .split("\n")
        .slice(2),
    ).toEqual([
      "| reconciles a second | 100,000 | 50,000–150,000 |",
      "| memory for each cached resource | 1,800 bytes | 900 bytes–2,700 bytes |",
      "| start, until the cache is there | 2.00 s | 1.00 s–3.00 s |",
      "| start, until each was reconciled | 4.00 s | 2.00 s–6.00 s |",
    ]);
  });
});
