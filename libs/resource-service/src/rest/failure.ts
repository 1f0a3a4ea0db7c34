import { ConnectError } from "@connectrpc/connect";
import type { Violation } from "@trellis/registry";
import {
  apiError,
  errorApplied,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  problemDetails,
  type Reason,
} from "@trellis/resource";

import { MAX_VIOLATIONS, MAX_VIOLATIONS_IN_MESSAGE } from "../limits.ts";
import type { RestResponse } from "./http.ts";

/** A failure whose HTTP status or headers say more than its reason alone would. */
export class RestFailure extends Error {
  override readonly name = "RestFailure";
  readonly status: number;
  readonly error: ConnectError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: ConnectError, headers: Readonly<Record<string, string>> = {}) {
    super(error.rawMessage, { cause: error });
    this.status = status;
    this.error = error;
    this.headers = headers;
  }

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is RestFailure {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "RestFailure"
    );
  }
}

/** InvalidArgument (400) that lists what is wrong with a request, the first few in its message too. */
export function badRequest(
  reason: "INVALID_REQUEST" | "MALFORMED_REQUEST",
  violations: readonly Violation[],
): ConnectError {
  const told = violations
    .slice(0, MAX_VIOLATIONS_IN_MESSAGE)
    .map(({ field, description }) => (field === "" ? description : `${field}: ${description}`))
    .join("; ");
  const more = violations.length - MAX_VIOLATIONS_IN_MESSAGE;
  // A search in a body ends at one more than are told: how many there are is not known then.
  const count = violations.length === MAX_VIOLATIONS + 1 ? `at least ${more}` : String(more);
  const message = more > 0 ? `${told}; and ${count} more` : told;
  return apiError({ reason, message, violations: violations.slice(0, MAX_VIOLATIONS) });
}

/** The status that stands for a failed precondition of the request's own headers (RFC 9110 §13.1). */
const PRECONDITION_FAILED = 412;

/** Turns the failure that a conditional header caused into 412; any other stays as it is. */
export function asPreconditionFailure(error: unknown, reasons: readonly string[]): unknown {
  if (!(error instanceof ConnectError)) return error;
  const reason = errorReason(error);
  return reason !== undefined && reasons.includes(reason)
    ? new RestFailure(PRECONDITION_FAILED, error)
    : error;
}

/**
 * The answer to a failed request: `application/problem+json` (RFC 9457). Undefined for what is not an error of the API, which the
 * server logs and answers itself. `mutation`: a request that never reached the service was not applied, and its error says so.
 */
export function problemResponse(
  thrown: unknown,
  headers: Readonly<Record<string, string>>,
  mutation = false,
): RestResponse | undefined {
  const failure = RestFailure.is(thrown) ? thrown : undefined;
  const error = failure?.error ?? (thrown instanceof ConnectError ? thrown : undefined);
  if (error === undefined || errorReason(error) === undefined) return undefined;
  const problem = problemDetails(mutation ? asNotApplied(error) : error, failure?.status);
  return {
    status: problem.status,
    headers: {
      ...headers,
      ...failure?.headers,
      ...(problem.retryAfterSeconds === undefined
        ? {}
        : { "retry-after": String(problem.retryAfterSeconds) }),
      "content-type": "application/problem+json",
    },
    body: `${JSON.stringify(problem.body)}\n`,
  };
}

function asNotApplied(error: ConnectError): ConnectError {
  const reason = errorReason(error) as Reason | undefined;
  if (reason === undefined || errorApplied(error) !== undefined) return error;
  return apiError({
    reason,
    code: error.code,
    message: error.rawMessage,
    metadata: { ...errorMetadata(error), applied: "no" },
    violations: errorViolations(error),
    retryAfterMs: errorRetryAfterMs(error),
    cause: error,
  });
}
