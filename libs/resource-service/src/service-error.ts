import { Code, type ConnectError } from "@connectrpc/connect";
import type { Violation } from "@trellis/registry";
import {
  apiError,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  type Reason,
} from "@trellis/resource";

import { MAX_VIOLATIONS, MAX_VIOLATIONS_IN_MESSAGE, RETRY_AFTER_MS } from "./limits.ts";

export type { Reason };

/** What a failed call tells its client. */
export interface Failure {
  readonly code: Code;
  readonly reason: Reason;
  /** What was expected, what was found, what to do. */
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly violations?: readonly Violation[] | undefined;
  readonly retryAfterMs?: number | undefined;
  /** For mutations: whether the change may have been made. `no` when absent. */
  readonly applied?: "no" | "unknown" | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class inside the service. It becomes a `ConnectError` once, where a call ends, so that the layers between can add what
 * they know (the operation's index, whether the change was applied).
 */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.failure = failure;
  }

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is ServiceError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "ServiceError"
    );
  }

  /** The same failure with more metadata. */
  with(metadata: Readonly<Record<string, string>>): ServiceError {
    return new ServiceError({ ...this.failure, metadata: { ...this.failure.metadata, ...metadata } });
  }

  /**
   * The error as clients get it, with the details that API.md §3 promises of its code. `mutation` adds `metadata.applied`: a deadline that
   * passed is always `unknown` (DESIGN §4).
   */
  toConnectError(mutation: boolean): ConnectError {
    const { applied = "no", metadata, violations, retryAfterMs, ...failure } = this.failure;
    const { code } = failure;
    const retryable = code === Code.Unavailable || code === Code.ResourceExhausted;
    return apiError({
      ...failure,
      metadata: mutation
        ? { ...metadata, applied: code === Code.DeadlineExceeded ? "unknown" : applied }
        : { ...metadata },
      ...(violations === undefined ? {} : { violations: violations.slice(0, MAX_VIOLATIONS) }),
      ...(retryable ? { retryAfterMs: retryAfterMs ?? RETRY_AFTER_MS } : {}),
    });
  }
}

/** Takes over an error that another part of the server raised as a ConnectError (an authenticator does). */
export function fromConnectError(error: ConnectError): ServiceError {
  const violations = errorViolations(error);
  return new ServiceError({
    code: error.code,
    reason: (errorReason(error) as Reason | undefined) ?? defaultReason(error.code),
    message: error.rawMessage,
    metadata: errorMetadata(error),
    ...(violations.length === 0 ? {} : { violations }),
    retryAfterMs: errorRetryAfterMs(error),
    cause: error,
  });
}

function defaultReason(code: Code): Reason {
  switch (code) {
    case Code.Unauthenticated:
      return "UNAUTHENTICATED";
    case Code.PermissionDenied:
      return "PERMISSION_DENIED";
    case Code.InvalidArgument:
      return "INVALID_REQUEST";
    case Code.Unavailable:
      return "UNAVAILABLE";
    case Code.ResourceExhausted:
      return "LIMIT_REACHED";
    case Code.DeadlineExceeded:
    case Code.Canceled:
      return "DEADLINE_EXCEEDED";
    case Code.Unimplemented:
      return "NOT_IMPLEMENTED";
    default:
      return "INTERNAL";
  }
}

/** A violation in words: `id.name invalid: must be …`, or `id.type is required`. */
export function violationText(violation: Violation): string {
  return violation.description === REQUIRED
    ? `${violation.field} ${REQUIRED}`
    : `${violation.field} invalid: ${violation.description}`;
}

/** The description of a missing field. */
export const REQUIRED = "is required";

/** An InvalidArgument that carries every violation, the first few in its message too. */
export function violationsError(
  reason: Reason,
  violations: readonly Violation[],
  metadata?: Readonly<Record<string, string>>,
): ServiceError {
  const told = violations.slice(0, MAX_VIOLATIONS_IN_MESSAGE).map(violationText).join("; ");
  const more = violations.length - MAX_VIOLATIONS_IN_MESSAGE;
  return new ServiceError({
    code: Code.InvalidArgument,
    reason,
    message: `invalid ${reason === "INVALID_DATA" ? "data" : "request"}: ${told}${more > 0 ? `; and ${more} more` : ""}`,
    violations,
    ...(metadata === undefined ? {} : { metadata }),
  });
}
