import type { KillFigures } from "./meter.ts";

/** What failing over may take, in milliseconds to the first success. */
export const TARGETS = { medianMs: 1_500, mostMs: 2_000, mostShare: 0.9, longestMs: 3_000 } as const;

/** The kills in a few numbers. */
export interface FailoverFigures {
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly longestMs: number;
  /** Kills after which there was a success within {@link TARGETS}' `mostMs`. */
  readonly inTime: number;
  readonly longestStallMs: number;
}

/** Sums up at least one kill. */
export function figuresOf(kills: readonly KillFigures[]): FailoverFigures {
  const firsts = kills.map(({ firstSuccessMs }) => firstSuccessMs).toSorted((a, b) => a - b);
  return {
    medianMs: quantile(firsts, 0.5),
    p90Ms: quantile(firsts, 0.9),
    longestMs: firsts.at(-1) ?? 0,
    inTime: firsts.filter((ms) => ms <= TARGETS.mostMs).length,
    longestStallMs: Math.max(...kills.map(({ longestStallMs }) => longestStallMs)),
  };
}

/** The targets that are missed, in words. */
export function missedTargets(kills: readonly KillFigures[]): readonly string[] {
  const { medianMs, longestMs, inTime } = figuresOf(kills);
  const most = Math.ceil(kills.length * TARGETS.mostShare);
  return [
    ...(medianMs > TARGETS.medianMs ? [`the median is ${ms(medianMs)}, above ${ms(TARGETS.medianMs)}`] : []),
    ...(inTime < most ? [`${inTime} of ${kills.length} within ${ms(TARGETS.mostMs)}, expected ${most}`] : []),
    ...(longestMs > TARGETS.longestMs
      ? [`the longest is ${ms(longestMs)}, above ${ms(TARGETS.longestMs)}`]
      : []),
  ];
}

/** The smallest of the sorted numbers that a share of them do not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** Milliseconds as people read them. */
export function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : "never";
}
