import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startGateway } from "@trellis/testkit";

import type { Start } from "./deployment.ts";
import { type BenchOptions, runBench } from "./run-bench.ts";
import { chooseScenarios } from "./scenarios.ts";

const startInMemory: Start = async () => {
  const server = await startGateway({ domains: ["@trellis/demo"] });
  const { url, pid } = server;
  return {
    url,
    processes: () => [{ name: "gateway", pid }],
    stop: async () => void (await server.stop()),
  };
};

describe("a run of the bench", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "trellis-bench-run-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const options = (more: Partial<BenchOptions>): BenchOptions => ({
    scenarios: chooseScenarios(["strong-read-16", "write-16"]),
    seconds: 0.05,
    warmUpSeconds: 0,
    rounds: 2,
    keys: 1_000,
    directory,
    systems: { trellis: { standalone: startInMemory } },
    ...more,
  });

  it("measures each scenario once in each round, with one server for all of them", async () => {
    const told: string[] = [];
    const results = await runBench(options({}), (what) => told.push(what.replace(/ \d+\/s$/, "")));
    expect(results).toMatchObject([
      { scenario: "write-16", system: "trellis", clients: 16, rounds: 2, errors: {} },
      { scenario: "strong-read-16", system: "trellis", clients: 16, rounds: 2, errors: {} },
    ]);
    expect(told).toEqual([
      "starting trellis-standalone",
      "writing 1000 resources to trellis-standalone",
      ...[1, 2].flatMap((round) => [
        `round ${round}: write-16 trellis`,
        `round ${round}: strong-read-16 trellis`,
      ]),
    ]);
  });

  it("runs each scenario before the first round, and measures nothing of that", async () => {
    const told: string[] = [];
    const results = await runBench(options({ warmUpSeconds: 0.05, rounds: 1 }), (what) => told.push(what));
    const warming = told.flatMap((what) => /^warming up: (\S+ trellis) \d+\/s$/.exec(what)?.[1] ?? []);
    // By turns, as in the rounds, until each is no cheaper for two of them.
    expect(warming.slice(0, 4)).toEqual([
      "write-16 trellis",
      "strong-read-16 trellis",
      "write-16 trellis",
      "strong-read-16 trellis",
    ]);
    expect(warming.length).toBeLessThanOrEqual(12);
    expect(results.map(({ rounds }) => rounds)).toEqual([1, 1]);
  });

  it("begins no round after the first that would not end in time", async () => {
    const results = await runBench(options({ rounds: 100, limitMs: 1 }), () => undefined);
    expect(results.map(({ rounds }) => rounds)).toEqual([1, 1]);
  });
});
