import { BenchError } from "./bench-error.ts";
import type { ServerProcessId } from "./deployment.ts";
import { Latencies } from "./latencies.ts";
import type { Measurement } from "./measurement.ts";
import { figuresOf } from "./process-figures.ts";
import { CallFailure } from "./raw/call-failure.ts";

/** A load to measure. */
export interface Load {
  /** Calls under way at once. */
  readonly callers: number;
  /** One call; says how many operations it was. */
  readonly call: (caller: number) => Promise<number>;
}

/** How to measure it. */
export interface MeasureOptions {
  readonly scenario: string;
  /** The processes whose figures are taken. */
  readonly processes: readonly ServerProcessId[];
  readonly seconds: number;
  /** Not measured, before. */
  readonly warmUpSeconds: number;
}

/** A caller that fails this often in a row stops the bench: the figures would say nothing. */
const MAX_FAILURES_IN_A_ROW = 100;
/** So long after the end of a load its last calls may be answered. */
const LAST_ANSWERS_MS = 15_000;

/**
 * Runs a load in a closed loop and measures it: each caller makes its next call when it has the answer to the last. So the latencies are those
 * at that many callers, not those at a given rate of arrivals. Failed calls are counted and are no operations. Throws when all calls fail.
 */
export async function measure(load: Load, options: MeasureOptions): Promise<Measurement> {
  const { scenario, processes, seconds } = options;
  if (options.warmUpSeconds > 0) await runLoop(load, scenario, options.warmUpSeconds);
  const before = figuresOf(processes);
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  const { operations, latencies, errors } = await runLoop(load, scenario, seconds);
  const elapsedMs = performance.now() - startedMs;
  const own = process.cpuUsage(ownBefore);
  const after = figuresOf(processes);
  const used = after?.map((figures, at) => ({
    name: figures.name,
    cpuUs: figures.cpuUs - (before?.[at]?.cpuUs ?? 0),
  }));
  return {
    operations,
    errors: Object.fromEntries(errors),
    opsPerSecond: (operations / elapsedMs) * 1_000,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    p999Ms: latencies.percentile(0.999),
    cpuUsPerOp: used && Object.fromEntries(used.map(({ name, cpuUs }) => [name, cpuUs / operations])),
    generatorCpuUsPerOp: (own.user + own.system) / operations,
    generatorBusy: (own.user + own.system) / 1_000 / elapsedMs,
    rssBytes: after?.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  };
}

interface LoopResult {
  readonly operations: number;
  readonly latencies: Latencies;
  /** How often each failure came. */
  readonly errors: ReadonlyMap<string, number>;
}

async function runLoop(load: Load, scenario: string, seconds: number): Promise<LoopResult> {
  const deadlineMs = performance.now() + seconds * 1_000;
  const latencies = new Latencies();
  const errors = new Map<string, number>();
  let operations = 0;
  let isGivenUp = false;
  const runCaller = async (caller: number): Promise<void> => {
    let failuresInARow = 0;
    for (let startedMs = performance.now(); startedMs < deadlineMs && !isGivenUp;) {
      try {
        const done = await load.call(caller);
        const nowMs = performance.now();
        latencies.record(nowMs - startedMs);
        startedMs = nowMs;
        operations += done;
        failuresInARow = 0;
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        errors.set(error.code, (errors.get(error.code) ?? 0) + 1);
        failuresInARow += 1;
        if (failuresInARow >= MAX_FAILURES_IN_A_ROW) throw error;
        startedMs = performance.now();
      }
    }
  };
  const callers = Promise.all(Array.from({ length: load.callers }, (_, caller) => runCaller(caller)));
  const patience = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      patience.reject(
        new BenchError(`${scenario}: calls had no answer ${LAST_ANSWERS_MS} ms after the load's end`),
      ),
    seconds * 1_000 + LAST_ANSWERS_MS,
  );
  try {
    await Promise.race([callers, patience.promise]);
  } finally {
    isGivenUp = true;
    clearTimeout(timer);
  }
  if (operations === 0) throw new BenchError(`${scenario}: no call succeeded within ${seconds} s`);
  return { operations, latencies, errors };
}
