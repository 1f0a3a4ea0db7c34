import { median } from "./median.ts";
import type { LogStore } from "./stores/log-store.ts";

/** A log, and where it ends. */
export interface MeasuredLog {
  readonly store: LogStore;
  nextIndex: number;
  /** Entries before it were given up. */
  keptFrom: number;
}

/** What is appended: batches of so many entries of so many bytes. */
export interface Load {
  readonly batch: number;
  readonly entryBytes: number;
}

/** One round of one log and one load. */
export interface Round {
  readonly batches: number;
  readonly elapsedMs: number;
  /** CPU time of the process, user and system, with what the log does in the background. */
  readonly cpuUs: number;
  readonly p99Ms: number;
}

/** Entries that a log keeps, and how many more come before the older ones are given up: as with a node that makes snapshots. */
const KEPT_ENTRIES = 100_000;
const DROPPED_ENTRIES = 10_000;

/** Appends batches for some milliseconds, at least one, each after the one before it is durable. */
export async function measureRound(log: MeasuredLog, load: Load, milliseconds: number): Promise<Round> {
  // Bytes of its own for each entry, made before the clock runs.
  const entries = Array.from({ length: load.batch }, (_, position) =>
    new Uint8Array(load.entryBytes).fill(0x61 + (position % 26)),
  );
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  let endedMs = startedMs;
  do {
    await log.store.append(log.nextIndex, entries);
    log.nextIndex += entries.length;
    await dropOld(log);
    const now = performance.now();
    latenciesMs.push(now - endedMs);
    endedMs = now;
  } while (endedMs - startedMs < milliseconds);
  const { user, system } = process.cpuUsage(cpuBefore);
  const sorted = latenciesMs.sort((a, b) => a - b);
  return {
    batches: sorted.length,
    elapsedMs: endedMs - startedMs,
    cpuUs: user + system,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}

async function dropOld(log: MeasuredLog): Promise<void> {
  if (log.nextIndex - log.keptFrom < KEPT_ENTRIES + DROPPED_ENTRIES) return;
  log.keptFrom = log.nextIndex - KEPT_ENTRIES;
  await log.store.dropBefore(log.keptFrom);
}

/** A log's figures under a load: medians of its rounds. */
export interface Figures {
  readonly log: string;
  readonly batch: number;
  readonly entriesPerSecond: number;
  readonly slowestRoundPerSecond: number;
  readonly fastestRoundPerSecond: number;
  readonly cpuUsPerBatch: number;
  readonly p99Ms: number;
}

/** Joins the rounds. Throws for none. */
export function summarizeRounds(log: string, { batch }: Load, rounds: readonly Round[]): Figures {
  const rates = rounds.map(({ batches, elapsedMs }) => ((batches * batch) / elapsedMs) * 1_000);
  return {
    log,
    batch,
    entriesPerSecond: median(rates),
    slowestRoundPerSecond: Math.min(...rates),
    fastestRoundPerSecond: Math.max(...rates),
    cpuUsPerBatch: median(rounds.map(({ cpuUs, batches }) => cpuUs / batches)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  };
}
