import type { ConnectError } from "@connectrpc/connect";
import { problemDetails } from "@trellis/resource";

import type { OutgoingResponse } from "./node-response.ts";

/** What a route knows better than the error that it answers. */
export interface ProblemOptions {
  /** The HTTP status; the reason's own when absent. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The failure as plain HTTP has it: `application/problem+json` (RFC 9457) with the API's code and reason. */
export function problemResponse(
  error: ConnectError,
  options: ProblemOptions = {},
): OutgoingResponse & { readonly body: Uint8Array } {
  const problem = problemDetails(error, options.status);
  const body = new TextEncoder().encode(`${JSON.stringify(problem.body)}\n`);
  const headers = new Headers(options.headers);
  if (problem.retryAfterSeconds !== undefined) headers.set("retry-after", String(problem.retryAfterSeconds));
  headers.set("content-type", "application/problem+json");
  headers.set("content-length", String(body.byteLength));
  return { status: problem.status, headers, body };
}
