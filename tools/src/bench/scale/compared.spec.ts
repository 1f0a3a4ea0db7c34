import { describe, expect, it } from "@jest/globals";

import type { Measurement } from "../measurement.ts";
import { comparedFigures } from "./compared-figures.ts";
import { compareRounds, cpuUs } from "./compared.ts";

function measured(operations: number, ...us: readonly number[]): Measurement {
  return {
    operations,
    errors: {},
    opsPerSecond: operations,
    p50Ms: 1,
    p99Ms: 1,
    p999Ms: 1,
    cpuUsPerOp: Object.fromEntries(us.map((each, at) => [`process-${at}`, each])),
    generatorCpuUsPerOp: 1,
    generatorBusy: 0.1,
    rssBytes: undefined,
  };
}

describe("rounds of two servers", () => {
  it("are compared by the median of their ratios, and by all that was used", () => {
    const rounds = [
      { base: measured(100, 10), other: measured(100, 12) },
      // Something else kept the machine busy: both are slow.
      { base: measured(50, 20), other: measured(50, 26) },
      // The whole heap was collected.
      { base: measured(100, 10), other: measured(50, 40) },
    ];
    expect(compareRounds(rounds)).toEqual({
      baseUs: 10,
      otherUs: 26,
      ratio: 1.3,
      meanRatio: (1_200 + 1_300 + 2_000) / 200 / ((1_000 + 1_000 + 1_000) / 250),
      leastRatio: 1.2,
      mostRatio: 4,
    });
  });

  it("take all processes of a side together, and know nothing where there is no /proc", () => {
    expect(cpuUs(measured(1, 3, 4))).toBe(7);
    expect(cpuUs({ cpuUsPerOp: undefined })).toBeNaN();
  });

  it("are two figures, the second of which may have a target", () => {
    const compared = compareRounds([{ base: measured(100, 10), other: measured(100, 12) }]);
    expect(comparedFigures("write", compared, { base: "1,000", target: 1.5 })).toEqual([
      { what: "write: CPU", value: 12, unit: "µs", note: "10.0 µs with 1,000" },
      {
        what: "write: ratio to 1,000",
        value: 1.2,
        unit: "×",
        note: "rounds 1.20×–1.20×, together 1.20×",
        target: 1.5,
      },
    ]);
    expect(comparedFigures("write", compared, { base: "one type" })[1]).not.toHaveProperty("target");
  });
});
