const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of a duration as compose files and Dockerfiles have it, `1m30s`. Throws for anything else. */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|[hms])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text)
    throw new Error(`expected a duration such as 1m30s, found "${text}"`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0), 0);
}
