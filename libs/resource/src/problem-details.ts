import { STATUS_TEXTS } from "./status-texts.ts";
import { type ConnectError, Code } from "@connectrpc/connect";

import {
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  type FieldViolation,
} from "./api-error.ts";
import { errorCatalogue, httpStatusOf, type Reason } from "./error-catalogue.ts";

/** The body of an `application/problem+json` answer (RFC 9457), with the API's code and reason. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The RPC code ("not_found"). */
  readonly code: string;
  readonly reason: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
}

/** An error as plain HTTP answers it. */
export interface Problem {
  readonly status: number;
  readonly body: ProblemBody;
  /** For the header `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;
}

/** Turns an error of the API into what plain HTTP answers. The status is the reason's unless the route knows better. */
export function problemDetails(error: ConnectError, status?: number): Problem {
  const reason = errorReason(error) ?? "INTERNAL";
  const known = errorCatalogue[reason as Reason] as (typeof errorCatalogue)[Reason] | undefined;
  const chosen =
    status ??
    (known !== undefined && known.code === error.code ? known.httpStatus : httpStatusOf(error.code));
  const metadata = errorMetadata(error);
  const violations = errorViolations(error);
  const retryAfterMs = errorRetryAfterMs(error);
  return {
    status: chosen,
    body: {
      type: "about:blank",
      title: STATUS_TEXTS[chosen] ?? "Error",
      status: chosen,
      detail: error.rawMessage,
      code: codeText(error.code),
      reason,
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
      ...(violations.length > 0 ? { violations } : {}),
    },
    retryAfterSeconds: retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1_000),
  };
}

/** A code as the Connect protocol writes it: `not_found`. */
export function codeText(code: Code): string {
  return (Code[code] ?? "Unknown").replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
