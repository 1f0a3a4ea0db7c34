import { StorageError, type StorageErrorCode } from "@trellis/storage";

import type { SimulatedProcess } from "../world/simulated-process.ts";
import { NoAnswer } from "./calls.ts";

const NOT_APPLIED: ReadonlySet<StorageErrorCode> = new Set(["unavailable", "resource-exhausted", "no-space"]);

/** Nobody can tell whether it was executed. Throws what is no answer of a store. */
export function isUnknownOutcome(error: unknown): boolean {
  if (error instanceof NoAnswer) return error.kind === "unknown";
  if (!StorageError.is(error)) throw error;
  if (error.code === "outcome-unknown") return true;
  if (NOT_APPLIED.has(error.code)) return false;
  throw error;
}

/** Does something in a process that gives it so long. */
export async function within<T>(
  process: SimulatedProcess,
  durationMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = process.after(durationMs, () => controller.abort());
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}
