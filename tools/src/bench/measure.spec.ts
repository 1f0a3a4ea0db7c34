import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import type { ServerProcess } from "@trellis/testkit";

import { Latencies } from "./latencies.ts";
import { measure } from "./measure.ts";
import { type Measurement, summarize } from "./measurement.ts";

/** Only the figures of the process are asked for. */
const server = { cpuMicroseconds: () => undefined, residentBytes: () => undefined } as ServerProcess;

describe("a measurement", () => {
  it("counts every operation of clients that overlap", async () => {
    let calls = 0;
    const row = await measure(server, {
      scenario: "overlap",
      clients: 16,
      seconds: 0.05,
      async call() {
        calls += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return 1;
      },
    });
    // The warm-up's are not among them.
    expect(row.operations).toBeGreaterThan(calls / 2);
    expect(row.operations).toBeLessThan(calls);
  });

  it("counts failures by code, and not as operations", async () => {
    let calls = 0;
    const row = await measure(server, {
      scenario: "failing",
      clients: 1,
      seconds: 0.05,
      async call() {
        await new Promise((resolve) => setImmediate(resolve));
        calls += 1;
        if (calls % 2 === 0) throw new ConnectError("full", Code.ResourceExhausted);
        return 1;
      },
    });
    expect(row.errors).toBeGreaterThan(0);
    expect(row.errorCodes).toEqual({ ResourceExhausted: row.errors });
    expect(Math.abs(row.errors - row.operations)).toBeLessThanOrEqual(1);
  });

  it("is refused when nothing succeeds", async () => {
    const call = (): Promise<number> => Promise.reject(new ConnectError("gone", Code.Unavailable));
    const load = { scenario: "down", clients: 1, seconds: 0.05, call };
    await expect(measure(server, load)).rejects.toThrow("gone");
  });
});

describe("percentiles", () => {
  it("are samples that were taken", () => {
    const latencies = new Latencies();
    for (let sample = 100; sample > 0; sample--) latencies.record(sample);
    expect([0.5, 0.99, 1].map((fraction) => latencies.percentile(fraction))).toEqual([50, 99, 100]);
    expect(new Latencies().percentile(0.5)).toBe(0);
  });
});

describe("a summary of rounds", () => {
  const round = (opsPerSecond: number): Measurement => ({
    scenario: "read-1",
    clients: 1,
    operations: opsPerSecond,
    errors: 1,
    errorCodes: { Unavailable: 1 },
    opsPerSecond,
    p50Ms: 1_000 / opsPerSecond,
    p99Ms: 2_000 / opsPerSecond,
    maxMs: 3_000 / opsPerSecond,
    serverCpuUsPerOp: null,
    generatorCpuUsPerOp: 10,
    serverRssBytes: 1,
  });

  it("is the median of each figure, and leaves out what was not known", () => {
    expect(summarize([round(100), round(500), round(200)])).toMatchObject({
      rounds: 3,
      operations: 800,
      errors: 3,
      errorCodes: { Unavailable: 3 },
      opsPerSecond: 200,
      slowestRoundOpsPerSecond: 100,
      fastestRoundOpsPerSecond: 500,
      p50Ms: 5,
      maxMs: 30,
      serverCpuUsPerOp: null,
    });
    expect(summarize([round(100), round(200)]).opsPerSecond).toBe(150);
  });
});
