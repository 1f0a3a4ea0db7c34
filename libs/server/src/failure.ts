import { Code, type ConnectError } from "@connectrpc/connect";
import { apiError, type FieldViolation } from "@trellis/resource";

import type { JsonRequest } from "./json-request.ts";

/** What is known of the call that failed. */
export interface FailedCall {
  /** Whether the call could have changed something: its errors then say whether it did. */
  readonly mutation: boolean;
  /** The largest request, in bytes, for the message about one that is larger. */
  readonly maxRequestBytes: number;
  /** The request, where it is JSON: it knows where the faults are. */
  readonly json?: Pick<JsonRequest, "violations"> | undefined;
}

/** The delay that callers are advised when the server is at a limit or cannot answer now. */
export const RETRY_AFTER_MS = 1_000;

/**
 * Gives the errors that the protocol layers raise (over the limit, broken JSON or protobuf, deadlines) the details that API.md §3
 * promises, and a code that says whose fault it is. An error that has details already is returned as it is.
 */
export function explainFailure(error: ConnectError, call: FailedCall): ConnectError {
  if (error.details.length > 0 || error.code === Code.Canceled) return error;
  const classified = classify(error, call.maxRequestBytes);
  if (classified === undefined) return error;
  const { code, reason, message, applied } = classified;
  return apiError({
    code,
    reason,
    message,
    ...(call.mutation ? { metadata: { applied } } : {}),
    ...(reason === "MALFORMED_REQUEST" ? { violations: malformedFields(message, call.json) } : {}),
    ...(code === Code.Unavailable || code === Code.ResourceExhausted ? { retryAfterMs: RETRY_AFTER_MS } : {}),
    cause: error,
  });
}

interface Classified {
  readonly code: Code;
  readonly reason: Parameters<typeof apiError>[0]["reason"];
  readonly message: string;
  readonly applied: "no" | "unknown";
}

/** The protocol layers tell their errors apart by code and text only. */
function classify(error: ConnectError, maxRequestBytes: number): Classified | undefined {
  const { code, rawMessage: message } = error;
  switch (code) {
    case Code.ResourceExhausted:
      if (!message.includes("readMaxBytes")) return { code, reason: "LIMIT_REACHED", message, applied: "no" };
      return {
        code,
        reason: "REQUEST_TOO_LARGE",
        message: `the request is larger than ${maxRequestBytes} bytes, the most this server takes; split it or send less`,
        applied: "no",
      };
    case Code.InvalidArgument:
      return { code, reason: "MALFORMED_REQUEST", message, applied: "no" };
    case Code.DeadlineExceeded:
      return { code, reason: "DEADLINE_EXCEEDED", message, applied: "unknown" };
    case Code.Unimplemented:
      if (message.startsWith("protocol error"))
        return {
          code: Code.InvalidArgument,
          reason: "MALFORMED_REQUEST",
          message: messageCount(message),
          applied: "no",
        };
      return { code, reason: "NOT_IMPLEMENTED", message, applied: "no" };
    case Code.Unavailable:
      return { code, reason: "UNAVAILABLE", message, applied: "no" };
    case Code.Internal:
      if (/^(parse binary:|decompression failed|received compressed envelope)/.test(message)) {
        const text = message.replace(/^parse binary:/, "the request is not a message of this method:");
        return { code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", message: text, applied: "no" };
      }
      return { code, reason: "INTERNAL", message, applied: "unknown" };
    case Code.Unknown:
    case Code.DataLoss:
      return { code, reason: "INTERNAL", message, applied: "unknown" };
    default:
      return undefined;
  }
}

/** What is told of a request without its one message, or with more: the protocol layers say only what they missed. */
function messageCount(message: string): string {
  const found = /missing input message/.test(message)
    ? "none"
    : /received extra input message/.test(message)
      ? "more"
      : undefined;
  return found === undefined
    ? message
    : `expected one message, found ${found}; this method takes exactly one request message`;
}

/** What was wrong with a request that could not be read. Where only the parser's message is known, the field that it names, without the path. */
function malformedFields(message: string, json: FailedCall["json"]): readonly FieldViolation[] {
  const found = json?.violations() ?? [];
  if (found.length > 0) return found;
  const field =
    /key "([^"]*)" is unknown/.exec(message)?.[1] ??
    /cannot decode field (?:\w+\.)*(\w+) from JSON/.exec(message)?.[1];
  return [{ field: field ?? "", description: message }];
}
