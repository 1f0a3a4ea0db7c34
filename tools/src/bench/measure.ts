import { Latencies } from "./latencies.ts";
import type { Measurement } from "./report.ts";
import type { ServerProcess } from "@trellis/testkit";

/** A load to measure. */
export interface Load {
  readonly scenario: string;
  /** Calls under way at once. */
  readonly clients: number;
  /** How long to measure, in seconds, after a warm-up of a fifth of it. */
  readonly seconds: number;
  /** One call; says how many operations it was. */
  readonly call: (client: number) => Promise<number>;
}

/** Runs a load in a closed loop and measures it. */
export async function measure(server: ServerProcess, load: Load): Promise<Measurement> {
  await runLoop(load, load.seconds / 5, new Latencies());
  const latencies = new Latencies();
  const cpuBefore = server.cpuMicroseconds();
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  const operations = await runLoop(load, load.seconds, latencies);
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  const own = process.cpuUsage(ownBefore);
  const cpuAfter = server.cpuMicroseconds();
  return {
    scenario: load.scenario,
    clients: load.clients,
    operations,
    opsPerSecond: operations / elapsedSeconds,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    serverCpuUsPerOp:
      cpuBefore === undefined || cpuAfter === undefined ? null : (cpuAfter - cpuBefore) / operations,
    generatorCpuUsPerOp: (own.user + own.system) / operations,
    serverRssBytes: server.residentBytes() ?? null,
  };
}

async function runLoop(load: Load, seconds: number, latencies: Latencies): Promise<number> {
  const deadlineMs = performance.now() + seconds * 1000;
  let operations = 0;
  await Promise.all(
    Array.from({ length: load.clients }, async (_, client) => {
      while (performance.now() < deadlineMs) {
        const startedMs = performance.now();
        operations += await load.call(client);
        latencies.record(performance.now() - startedMs);
      }
    }),
  );
  return operations;
}
