import { threadCpuMicroseconds } from "./thread-cpu.ts";

/** A piece of work, and what a processor of 2.4 GHz takes for it that has nothing else to do. */
const STEPS = 300_000;
const USUAL_MICROSECONDS = 390;
const EVERY_MS = 20;
const COMPILING_RUNS = 20;
/** No processor is lent out slower: what takes longer was interrupted. */
const MOST = 5;
/** What takes longest is done while the processor is slowest: of ten samples the second slowest counts. */
const PERCENTILE = 0.9;

/**
 * Measures how many times as long as usual this processor takes for a piece of work, by its own time, again and again until it is ended: one that is lent out slowed takes up
 * to five times as long, for seconds at a time. At least 1, so that a quick one is held to the same.
 */
export class SlownessMeter {
  readonly #samples: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    // Compiled before it is measured.
    for (let run = 0; run < COMPILING_RUNS; run++) work();
    this.#timer = setInterval(() => {
      const before = threadCpuMicroseconds();
      work();
      this.#samples.push(threadCpuMicroseconds() - before);
    }, EVERY_MS);
  }

  end(): number {
    clearInterval(this.#timer);
    const sorted = this.#samples.toSorted((a, b) => a - b);
    const found = (sorted[Math.floor(sorted.length * PERCENTILE)] ?? 0) / USUAL_MICROSECONDS;
    return Math.min(Math.max(1, found), MOST);
  }
}

function work(): number {
  let sum = 1;
  for (let step = 0; step < STEPS; step++) sum = (Math.imul(sum, 31) + step) | 0;
  return sum;
}
