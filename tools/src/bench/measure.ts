import { Code, ConnectError } from "@connectrpc/connect";
import type { ServerProcess } from "@trellis/testkit";

import { Latencies } from "./latencies.ts";
import type { Measurement } from "./measurement.ts";

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

/** A client that fails this often in a row stops the bench: the figures would say nothing. */
const MAX_FAILURES_IN_A_ROW = 100;
const WARM_UP_SHARE = 0.2;

/**
 * Runs a load in a closed loop and measures it: each client makes its next call when it has the answer to the last. So the latencies are those
 * at that many clients, not those at a given rate of arrivals. Failed calls are counted and are no operations. Throws when all calls fail.
 */
export async function measure(server: ServerProcess, load: Load): Promise<Measurement> {
  await runLoop(load, load.seconds * WARM_UP_SHARE);
  const cpuBefore = server.cpuMicroseconds();
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  const { operations, latencies, errors } = await runLoop(load, load.seconds);
  const elapsedSeconds = (performance.now() - startedMs) / 1_000;
  const own = process.cpuUsage(ownBefore);
  const cpuAfter = server.cpuMicroseconds();
  const failed = [...errors.values()].reduce((sum, count) => sum + count, 0);
  return {
    scenario: load.scenario,
    clients: load.clients,
    operations,
    errors: failed,
    errorCodes: Object.fromEntries(errors),
    opsPerSecond: operations / elapsedSeconds,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    maxMs: latencies.percentile(1),
    serverCpuUsPerOp:
      cpuBefore === undefined || cpuAfter === undefined ? null : (cpuAfter - cpuBefore) / operations,
    generatorCpuUsPerOp: (own.user + own.system) / operations,
    serverRssBytes: server.residentBytes() ?? null,
  };
}

interface LoopResult {
  readonly operations: number;
  readonly latencies: Latencies;
  /** How often each error code came. */
  readonly errors: ReadonlyMap<string, number>;
}

async function runLoop(load: Load, seconds: number): Promise<LoopResult> {
  const deadlineMs = performance.now() + seconds * 1_000;
  const latencies = new Latencies();
  const errors = new Map<string, number>();
  let operations = 0;
  const runClient = async (client: number): Promise<void> => {
    let failuresInARow = 0;
    while (performance.now() < deadlineMs) {
      const startedMs = performance.now();
      try {
        const done = await load.call(client);
        latencies.record(performance.now() - startedMs);
        operations += done;
        failuresInARow = 0;
      } catch (error) {
        const code = Code[ConnectError.from(error).code];
        errors.set(code, (errors.get(code) ?? 0) + 1);
        failuresInARow += 1;
        if (failuresInARow >= MAX_FAILURES_IN_A_ROW || error instanceof BenchError) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: load.clients }, (_, client) => runClient(client)));
  if (operations === 0) throw new BenchError(`${load.scenario}: no call succeeded within ${seconds} s`);
  return { operations, latencies, errors };
}

/** The bench itself cannot go on, or finds that an answer is not the one that it must be. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}
