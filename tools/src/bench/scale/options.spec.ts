import { describe, expect, it } from "@jest/globals";

import { costSteps, PARTS, readOptions } from "./options.ts";

describe("the command line of bench:scale", () => {
  it("measures everything with a million resources when it says nothing", () => {
    expect(readOptions([])).toEqual({ resources: 1_000_000, parts: PARTS, json: undefined });
  });

  it("takes parts in any order, and has them measured in the one order", () => {
    const args = ["--only", "restart,cost", "--resources", "2000", "--json", "figures.json"];
    expect(readOptions(args)).toEqual({ resources: 2_000, parts: ["cost", "restart"], json: "figures.json" });
  });

  it.each([
    [
      ["--only", "cost,speed"],
      '--only: expected names of cost, memory, list, snapshot, restart, watchers, types, follower; found "speed"',
    ],
    [["--only", ""], 'found ""'],
    [["--resources", "999"], '--resources: expected a whole number from 1000 to 10000000; found "999"'],
    [["--rounds", "3"], "Unknown option '--rounds'; there are --resources N, --only PARTS, --json FILE"],
  ])("refuses %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});

describe("the steps of cost", () => {
  it.each([
    [1_000_000, [1_000, 100_000, 1_000_000]],
    [100_000, [1_000, 100_000]],
    [2_000, [1_000, 2_000]],
    [1_000, [1_000]],
  ])("up to %d resources are each another size", (resources, steps) => {
    expect(costSteps(resources)).toEqual(steps);
  });
});
