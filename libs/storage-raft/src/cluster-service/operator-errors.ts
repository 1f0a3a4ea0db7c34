import { Code, ConnectError } from "@connectrpc/connect";
import { RaftNodeError, type RaftNodeErrorCode } from "@trellis/raft-node";
import { apiError, errorMetadata } from "@trellis/resource";

/** An election takes about so long. */
const RETRY_AFTER_MS = 1_000;

/** What each trouble of a node is to an operator; those that are left out mean that the node is not there. */
const CODES: Readonly<Partial<Record<RaftNodeErrorCode, Code>>> = {
  busy: Code.ResourceExhausted,
  "no-space": Code.ResourceExhausted,
  "too-large": Code.InvalidArgument,
  invalid: Code.FailedPrecondition,
  aborted: Code.Canceled,
};

/** The error that an operator is told for what a node rejected with; what is none of the node's stays as it is. */
export function operatorError(error: unknown): unknown {
  if (!RaftNodeError.is(error)) return error;
  if (error.code === "outcome-unknown")
    return apiError({ reason: "OUTCOME_UNKNOWN", message: error.message, cause: error });
  return new ConnectError(error.message, CODES[error.code] ?? Code.Unavailable, undefined, undefined, error);
}

/** Waits for a node, and tells its troubles as operators are told. */
export async function forOperator<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw operatorError(error);
  }
}

/** Nothing was done, and it may be tried again. */
export function unavailable(message: string, cause?: unknown): ConnectError {
  return new ConnectError(message, Code.Unavailable, undefined, undefined, cause);
}

/** Nobody leads, or not who was asked: nothing was done. It can be tried again as soon as somebody does. */
export function nobodyLeads(message: string): ConnectError {
  return apiError({
    reason: "UNAVAILABLE",
    message,
    metadata: { applied: "no" },
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** Whether it is certain that nothing was done of what failed. */
export function isNotApplied(error: unknown): boolean {
  return errorMetadata(error)["applied"] === "no";
}

/** What was asked for does not fit the cluster as it is. */
export function preconditionFailed(message: string): ConnectError {
  return new ConnectError(message, Code.FailedPrecondition);
}

/** A node that has no replica yet. */
export function notFormed(): ConnectError {
  return unavailable(
    "this node belongs to no cluster yet, or is just starting; wait until it is ready, or ask another member",
  );
}
