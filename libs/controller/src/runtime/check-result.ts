import type { Result } from "../result.ts";

/** What a reconcile returned, as a plain result. Throws a TypeError for anything that is none. */
export function checkResult(result: unknown): Result {
  if (result === undefined) return { kind: "done" };
  const { kind, delayMs, error } = (result ?? {}) as { kind?: unknown; delayMs?: unknown; error?: unknown };
  switch (kind) {
    case "done":
      return { kind };
    case "retry":
    case "terminal":
      return { kind, error };
    case "after":
      if (typeof delayMs === "number" && Number.isFinite(delayMs) && delayMs >= 0) return { kind, delayMs };
      throw new TypeError(`reconcile returned after(${String(delayMs)}): expected milliseconds from 0`);
    default:
  }
  throw new TypeError(
    "reconcile returned something unknown: expected nothing, done, after(ms), retry(error) or terminal(error)",
  );
}
