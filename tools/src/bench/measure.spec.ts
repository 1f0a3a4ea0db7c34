import { describe, expect, it } from "@jest/globals";

import { BenchError } from "./bench-error.ts";
import { Latencies } from "./latencies.ts";
import { type Load, measure, type MeasureOptions } from "./measure.ts";
import { type Measurement, summarize } from "./measurement.ts";
import { CallFailure } from "./raw/call-failure.ts";

const options: MeasureOptions = { scenario: "trial", processes: [], seconds: 0.05, warmUpSeconds: 0.01 };

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a measurement", () => {
  it("counts every operation of callers that overlap, but those of the warm-up", async () => {
    let calls = 0;
    const call = async (): Promise<number> => {
      calls += 1;
      await nextTurn();
      return 2;
    };
    const row = await measure({ callers: 16, call }, options);
    expect(row.operations).toBeGreaterThan(calls);
    expect(row.operations).toBeLessThan(2 * calls);
    expect(row.p999Ms).toBeGreaterThanOrEqual(row.p50Ms);
  });

  it("counts failures by what they are, and not as operations", async () => {
    let calls = 0;
    const call = async (): Promise<number> => {
      await nextTurn();
      calls += 1;
      if (calls % 2 === 0) throw new CallFailure("HTTP 503", "full");
      return 1;
    };
    const row = await measure({ callers: 1, call }, { ...options, warmUpSeconds: 0 });
    const failures = row.errors["HTTP 503"] ?? 0;
    expect(Object.keys(row.errors)).toEqual(["HTTP 503"]);
    expect(failures + row.operations).toBe(calls);
  });

  it.each([
    ["nothing succeeds", new CallFailure("connection", "gone"), "gone"],
    ["an answer is a wrong one", new BenchError("shows another"), "shows another"],
  ])("is refused when %s", async (_, error, message) => {
    const load: Load = { callers: 1, call: () => Promise.reject(error) };
    await expect(measure(load, options)).rejects.toThrow(message);
  });

  it("has the CPU and the memory of each process of the servers", async () => {
    const call = async (): Promise<number> => nextTurn().then(() => 1);
    const processes = [
      { name: "this", pid: process.pid },
      { name: "its parent", pid: process.ppid },
    ];
    const row = await measure({ callers: 1, call }, { ...options, processes });
    expect(Object.keys(row.cpuUsPerOp ?? {})).toEqual(
      process.platform === "linux" ? ["this", "its parent"] : [],
    );
    if (process.platform === "linux") expect(row.rssBytes).toBeGreaterThan(process.memoryUsage.rss() / 2);
  });
});

describe("percentiles", () => {
  it("are samples that were taken", () => {
    const latencies = new Latencies();
    for (let sample = 1_000; sample > 0; sample--) latencies.record(sample);
    expect([0.5, 0.99, 0.999, 1].map((fraction) => latencies.percentile(fraction))).toEqual([
      500, 990, 999, 1_000,
    ]);
    expect(new Latencies().percentile(0.5)).toBe(0);
  });
});

describe("a summary of rounds", () => {
  const round = (opsPerSecond: number, cpuUs: number): Measurement => ({
    operations: opsPerSecond,
    errors: { "HTTP 503": 1 },
    opsPerSecond,
    p50Ms: 1_000 / opsPerSecond,
    p99Ms: 2_000 / opsPerSecond,
    p999Ms: 3_000 / opsPerSecond,
    cpuUsPerOp: { gateway: cpuUs, "node-1": 2 * cpuUs },
    generatorCpuUsPerOp: 10,
    generatorBusy: 0.5,
    rssBytes: undefined,
  });
  const of = { scenario: "write-64", system: "trellis", clients: 64 } as const;

  it("is the median of each figure, the sum over processes, and what is not known is null", () => {
    expect(summarize(of, [round(100, 3), round(500, 1), round(200, 2)])).toEqual({
      ...of,
      rounds: 3,
      operations: 800,
      errors: { "HTTP 503": 3 },
      opsPerSecond: 200,
      slowestRoundOpsPerSecond: 100,
      fastestRoundOpsPerSecond: 500,
      p50Ms: 5,
      p99Ms: 10,
      p999Ms: 15,
      serverCpuUsPerOp: 6,
      cpuUsPerOp: { gateway: 2, "node-1": 4 },
      generatorCpuUsPerOp: 10,
      generatorBusy: 0.5,
      rssBytes: null,
    });
    expect(summarize(of, [round(100, 1), round(200, 1)]).opsPerSecond).toBe(150);
  });
});
