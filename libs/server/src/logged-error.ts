import {
  codeText,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  isConnectError,
} from "@trellis/resource";
import { pino } from "pino";

/** Violations of one error that a line shows. */
const MAX_VIOLATIONS = 5;

/**
 * An error as a log shows it. What an RPC error carries is told in words: its details are encoded messages, of which a line would show every byte, and its
 * headers tell nothing of what failed.
 */
export function loggedError(error: Error): object {
  if (!isConnectError(error)) return pino.stdSerializers.err(error);
  const { message, stack, cause } = error;
  const metadata = errorMetadata(error);
  const violations = errorViolations(error).map(({ field, description }) => `${field}: ${description}`);
  return {
    type: "ConnectError",
    message,
    code: codeText(error.code),
    reason: errorReason(error),
    metadata: Object.keys(metadata).length === 0 ? undefined : { ...metadata },
    violations: violations.length === 0 ? undefined : violations.slice(0, MAX_VIOLATIONS),
    moreViolations: violations.length > MAX_VIOLATIONS ? violations.length - MAX_VIOLATIONS : undefined,
    retryAfterMs: errorRetryAfterMs(error),
    stack,
    cause: cause instanceof Error ? `${cause.name}: ${cause.message}` : undefined,
  };
}
