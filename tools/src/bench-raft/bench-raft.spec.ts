import { describe, expect, it } from "@jest/globals";
import { runCommand } from "../repository.ts";
import { Group } from "./group.ts";
import { measureRound, summarizeRounds } from "./measure.ts";
import { raftScenarios } from "./scenarios.ts";

function bench(...args: string[]) {
  return runCommand("node", ["tools/src/bench-raft/main.ts", ...args], { env: { NODE_OPTIONS: "" } });
}

describe("npm run bench:raft", () => {
  it("prints a row for each scenario", async () => {
    const { exitCode, output } = await bench("--seconds", "0.02", "--rounds", "1", "--batch", "4");
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(output).toMatch(/^\| scenario +\| nodes +\| ops\/s/m);
    for (const { name, nodes } of raftScenarios({ payload: 256, batch: 4 })) {
      expect(output).toContain(`| ${name} | ${nodes} | `);
    }
  });

  it("refuses flags it does not have", async () => {
    expect(await bench("--nodes", "3")).toMatchObject({ exitCode: 2 });
  });
});

describe("the group that is measured", () => {
  it.each([false, true])("commits and applies everywhere what is proposed (async writes: %s)", (isAsync) => {
    const group = new Group(3, { asyncStorageWrites: isAsync });
    const before = group.leader.applied;
    // More than a log keeps, so that logs are compacted on the way.
    for (let proposed = 0; proposed < 5_000; proposed++) {
      group.leader.core.propose(new Uint8Array(1));
      if (proposed % 50 === 49) group.settle();
    }
    expect(group.leader.applied - before).toBe(5_000);
    expect(group.isEqual).toBe(true);
    const { firstIndex, lastIndex } = group.leader.core.status();
    expect(lastIndex - firstIndex).toBeLessThan(2_200);
  });

  it.each(
    raftScenarios({ payload: 8, batch: 3 }).map(
      (scenario) => [`${scenario.name}, ${scenario.nodes} nodes`, scenario] as const,
    ),
  )("does at least one operation: %s", (_, scenario) => {
    const round = measureRound(scenario, 1);
    expect(round.operations).toBeGreaterThan(0);
    expect(round.steps > 0).toBe(scenario.nodes > 1);
  });

  it("shows the median of its rounds", () => {
    const [scenario] = raftScenarios({ payload: 8, batch: 3 });
    if (scenario === undefined) throw new Error("expected a scenario");
    const round = { operations: 100, steps: 800, elapsedMs: 1_000, cpuUs: 400 };
    const figures = summarizeRounds(scenario, [
      round,
      { ...round, operations: 300, steps: 2_400, cpuUs: 1_200 },
      { ...round, operations: 200, steps: 1_600, cpuUs: 600 },
    ]);
    expect(figures).toMatchObject({
      operationsPerSecond: 200,
      slowestRoundPerSecond: 100,
      fastestRoundPerSecond: 300,
      stepsPerSecond: 1_600,
      cpuUsPerOperation: 4,
      cpuUsPerStep: 0.5,
    });
  });
});
