import { isUlid } from "@trellis/resource";
import { decodeTime } from "ulid";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago a uid was given, from the time inside the ULID; `-` for a text that is none. */
export function ageOf(uid: string, nowMs: number): string {
  return isUlid(uid) ? durationText(Math.max(0, nowMs - decodeTime(uid))) : "-";
}

/** A duration in its two coarsest fitting steps: 42s, 9m, 30h, 12d. */
export function durationText(durationMs: number): string {
  if (durationMs < 2 * MINUTE_MS) return `${Math.floor(durationMs / SECOND_MS)}s`;
  if (durationMs < 2 * HOUR_MS) return `${Math.floor(durationMs / MINUTE_MS)}m`;
  if (durationMs < 2 * DAY_MS) return `${Math.floor(durationMs / HOUR_MS)}h`;
  return `${Math.floor(durationMs / DAY_MS)}d`;
}
