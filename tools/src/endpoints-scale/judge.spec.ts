import { describe, expect, it } from "@jest/globals";

import { busiest } from "./busiest.ts";
import { findingsOf, scaleTable } from "./judge.ts";
import type { RoundFigures } from "./scale.ts";

const MEBIBYTE = 1024 * 1024;
const good: RoundFigures = {
  changes: 60_000,
  changesPerSecond: 999.6,
  settleMs: 640,
  endpointWrites: 12_000,
  busiestService: 21,
  serverCores: 0.913,
  heapBytes: 100 * MEBIBYTE,
  residentBytes: 300 * MEBIBYTE,
  interruptions: 0,
  errors: [],
};

describe("the busiest of several", () => {
  it("is the most that fits into a window, wherever that begins", () => {
    expect(busiest([], 1_000)).toBe(0);
    expect(busiest([[0, 500, 1_000, 1_500]], 1_000)).toBe(2);
    expect(busiest([[0, 900, 1_000, 1_100, 1_899], [5_000]], 1_000)).toBe(4);
  });
});

describe("the judgement of a run", () => {
  it("finds nothing where everything is kept", () => {
    expect(findingsOf([good, { ...good, heapBytes: 109 * MEBIBYTE }], 1_000)).toEqual([]);
  });

  it.each([
    [{ settleMs: 2_001 }, "settled 2001 ms after the last change, expected at most 2000"],
    [{ busiestService: 23 }, "a service's endpoints were written 23 times in 10 s, expected at most 22"],
    [{ changesPerSecond: 900 }, "900 changes a second, expected 1000"],
    [{ errors: ["Error: no"] }, "1 changes failed, the first with: Error: no"],
    [{ interruptions: 1 }, "the watch was cut 1 times"],
    [{ heapBytes: 111 * MEBIBYTE }, "111 MiB on the heap at rest, 100 MiB after the first"],
  ])("finds %j", (bad, told) => {
    expect(findingsOf([good, { ...good, ...bad }], 1_000)).toEqual([`round 2: ${told}`]);
  });

  it("is shown beside the figures", () => {
    expect(scaleTable([good]).split("\n").at(-1)).toBe(
      "| 1 | 60,000 | 1,000 | 640 ms | 12,000 | 21 | 0.91 | 100 MiB | 300 MiB |",
    );
  });
});
