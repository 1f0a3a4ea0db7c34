import { threadCpuMicroseconds } from "./thread-cpu.ts";

/** A piece of work, and what a processor of 2.4 GHz takes for it that has nothing else to do. */
const STEPS = 3_000_000;
const USUAL_MICROSECONDS = 3_900;
const SAMPLES = 5;

/**
 * How many times as long as usual this processor takes for a piece of work, by its own time: the slowest that a machine is lent out as takes five times as long. At
 * least 1, so that a quick one is held to the same.
 */
export function slowness(): number {
  const samples = Array.from({ length: SAMPLES }, () => {
    const before = threadCpuMicroseconds();
    work();
    return threadCpuMicroseconds() - before;
  });
  return Math.max(1, (samples.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? 0) / USUAL_MICROSECONDS);
}

function work(): number {
  let sum = 1;
  for (let step = 0; step < STEPS; step++) sum = (Math.imul(sum, 31) + step) | 0;
  return sum;
}
