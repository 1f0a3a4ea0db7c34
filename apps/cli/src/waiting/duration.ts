import { usageError } from "../errors.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The longest time that can be waited, in milliseconds. */
const MAX_DURATION_MS = 24 * 3_600_000;

/** Reads `500ms`, `30s`, `5m` or `1h`, a number alone being seconds; in milliseconds. Throws a usage error. */
export function parseDuration(text: string): number {
  const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const durationMs = Number(number) * (UNITS_MS[unit] ?? 0);
  if (number === "" || durationMs > MAX_DURATION_MS)
    throw usageError(`"${text}" is not a time to wait`, "Write 500ms, 30s, 5m or 1h; at most 24h.");
  return durationMs;
}
