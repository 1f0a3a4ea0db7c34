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

/** Why a node could not go on: what it says itself, or what it met. */
export function hadToStop(id: number, error: unknown): RaftNodeError {
  if (RaftNodeError.is(error)) return error;
  const found = error instanceof Error ? error.message : String(error);
  return new RaftNodeError(
    "stopped",
    `node ${id} had to stop: ${found}. Look at the cause, then start it again`,
    { cause: error },
  );
}

/** What a node says to those who wait, and to those who come later, once it was told to stop. */
export function wasStopped(id: number): RaftNodeError {
  return new RaftNodeError("stopping", `node ${id} was stopped; nothing was applied, ask another`);
}
