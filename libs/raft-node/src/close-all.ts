import { RaftNodeError } from "./errors.ts";

/** Closes one after the other, each also when the one before failed. Rejects with the first failure. */
export async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What a node ends with that was told to, and could not close everything. */
export function notCleanly(id: number, cause: unknown): RaftNodeError {
  const found = cause instanceof Error ? cause.message : String(cause);
  return new RaftNodeError(
    "stopped",
    `node ${id} was stopped, not cleanly: ${found}. What was acknowledged is there; look at the cause`,
    { cause },
  );
}
