import type { Random } from "@trellis/resource";

/** The shortest and the longest pause between two attempts, in milliseconds. */
const SHORTEST_MS = 50;
const LONGEST_MS = 2_000;

/** How long to wait before an attempt, after so many that failed: doubling, spread over its upper half so that clients do not come in step. */
export function backoffMs(failures: number, random: Random): number {
  const fullMs = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(failures, 10));
  return fullMs * (0.5 + random() / 2);
}
