import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import { simulate } from "@trellis/testkit/sim";

import { runCommand } from "../repository.ts";
import { addCoverage, shortfalls, shortfallsOfRun } from "./coverage.ts";
import { keepSeed, readKeptSeeds } from "./kept-seeds.ts";
import { commandOf } from "./run.ts";

function sim(...args: string[]) {
  return runCommand("node", ["tools/src/sim/main.ts", ...args], { env: { NODE_OPTIONS: "" } });
}

/** The lines of a trace, of all that was printed: they begin with a moment. */
function traceIn(output: string): readonly string[] {
  return output.split("\n").filter((line) => /^ *\d+\.\d{3} /.test(line));
}

describe("npm run sim", () => {
  it("runs one seed, and says what it covered", async () => {
    const { exitCode, output } = await sim("--seed", "1", "--nodes", "3", "--minutes", "0.5");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toMatch(/^ {2}elections +\d+$/m);
    expect(output).toContain("all checks hold");
  });

  it("gives the same trace twice, in which there is nothing of real time", async () => {
    const args = ["--seed", "2", "--nodes", "3", "--minutes", "0.2", "--trace"];
    const [one, other] = await Promise.all([sim(...args), sim(...args)]);
    expect(traceIn(one.output).length).toBeGreaterThan(500);
    expect(traceIn(other.output)).toEqual(traceIn(one.output));
  });

  it("runs several seeds over its workers", async () => {
    const { output } = await sim("--seeds", "2", "--minutes", "0.2");
    expect(output).toMatch(/^2 seeds in \d+ s, 0 failed$/m);
    expect(output).toMatch(/^ {2}elections +\d+ {2}at least 10$/m);
  });

  it("refuses flags that it does not have, and to do nothing", async () => {
    expect(await sim("--sed", "3")).toMatchObject({ exitCode: 2 });
    expect(await sim()).toMatchObject({ exitCode: 2 });
  });
});

describe("coverage", () => {
  const report = { coverage: { operations: 299, faults: 5, elections: 4 } } as Parameters<
    typeof addCoverage
  >[1];

  it("tells in what a run comes short", () => {
    expect(shortfallsOfRun(report, 1)).toEqual(["expected 300 operations at least, found 299"]);
    expect(shortfallsOfRun(report, 0.5)).toEqual([]);
  });

  it("tells in what many runs come short, in proportion to their number", () => {
    const totals = addCoverage(addCoverage(undefined, report), report);
    expect(totals.elections).toBe(8);
    expect(shortfalls({ ...totals, ...LARGE }, 2)).toEqual([
      "expected 10 elections at least over 2 seeds, found 8",
    ]);
  });

  const LARGE = {
    snapshotsInstalled: 1e6,
    tornTails: 1e6,
    membershipChanges: 1e6,
    oneWayCuts: 1e6,
    ambiguous: 1e6,
    restores: 1e6,
    routedRuns: 4,
    routersCrashed: 1e6,
    replicasChanged: 1e6,
    commitsRepeated: 1e6,
  };

  it("tells in what runs with routers come short, in proportion to their number", () => {
    const totals = { ...addCoverage(undefined, report), ...LARGE, elections: 1e6, routersCrashed: 15 };
    expect(shortfalls(totals, 9)).toEqual(["expected 16 routersCrashed at least over 9 seeds, found 15"]);
  });
});

describe("seeds that failed", () => {
  it("are kept once, with what was found", () => {
    const file = join(mkdtempSync(join(tmpdir(), "trellis-sim-")), "kept.json");
    writeFileSync(file, "[]");
    const seed = { seed: 5, nodes: 3, minutes: 1, found: "two leaders" };
    keepSeed(seed, file);
    keepSeed({ ...seed, found: "the same again" }, file);
    expect(readKeptSeeds(file)).toEqual([seed]);
    expect(commandOf(seed)).toBe("npm run sim -- --seed 5 --nodes 3 --minutes 1");
  });

  it("do not fail any more", async () => {
    for (const { found, ...run } of readKeptSeeds()) {
      const { findings } = await simulate(run);
      expect({ run: commandOf(run), found, findings }).toMatchObject({ findings: [] });
    }
  }, 300_000);
});
