import { describe, expect, it } from "@jest/globals";

import { type AtRest, compareRests } from "./resting.ts";

const MEBIBYTE = 1024 * 1024;

function atRest(name: string, megabytes: number, kinds: Readonly<Record<string, number>>): AtRest {
  const counts = new Map(Object.entries(kinds));
  const openFiles = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { name, residentBytes: megabytes * MEBIBYTE, openFiles, kinds: counts };
}

describe("what processes hold at rest", () => {
  const before = [
    atRest("gateway-1", 200, { "to node-1": 2, log: 1 }),
    atRest("gateway-2", 100, { "to node-1": 1, log: 1 }),
    atRest("node-1", 300, { "from gateway-1": 2, "from gateway-2": 1 }),
  ];

  it("may move from one of a kind to another", () => {
    const after = [
      atRest("gateway-1", 110, { "to node-3": 1, log: 1 }),
      atRest("gateway-2", 215, { "to node-3": 2, log: 1 }),
      atRest("node-3", 340, { "from gateway-1": 1, "from gateway-2": 2 }),
    ];
    expect(compareRests(before, after).flatMap(({ findings }) => findings)).toEqual([]);
  });

  it("is told when all of a kind hold more", () => {
    const after = [
      atRest("gateway-1", 200, { "to node-1": 2, log: 1 }),
      atRest("gateway-2", 150, { "to node-1": 3, log: 1 }),
      atRest("node-1", 300, { "from gateway-1": 2, "from gateway-2": 2 }),
    ];
    expect(compareRests(before, after).flatMap(({ findings }) => findings)).toEqual([
      "2 gateways hold 350 MiB at rest; 300 MiB after the warm-up",
      "2 gateways have 7 open files at rest (+2 to node); 5 after the warm-up",
      "1 nodes have 4 open files at rest (+1 from gateway); 3 after the warm-up",
    ]);
  });
});
