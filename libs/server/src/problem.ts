import { STATUS_CODES } from "node:http";

import type { OutgoingResponse } from "./node-response.ts";

/** What a plain HTTP client learns of a failure. */
export interface Problem {
  /** The HTTP status. */
  readonly status: number;
  /** The RPC code that stands for it ("not_found"). */
  readonly code: string;
  /** A name of `trellis.resource.v1.ErrorReason` without its prefix. */
  readonly reason: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The failure as `application/problem+json` (RFC 9457) with Trellis' code, reason and message. */
export function problemResponse(problem: Problem): OutgoingResponse {
  const { status, code, reason, message, metadata } = problem;
  const headers = new Headers(problem.headers);
  const body = new TextEncoder().encode(`${problemJson({ status, code, reason, message, metadata })}\n`);
  headers.set("content-type", "application/problem+json");
  headers.set("content-length", String(body.byteLength));
  return { status, headers, body };
}

/** The body alone, for connections that no response object belongs to. */
export function problemJson(problem: Problem): string {
  const { status, code, reason, message, metadata } = problem;
  const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
  return JSON.stringify({
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: message,
    code,
    reason,
    message,
    ...(hasMetadata ? { metadata } : {}),
  });
}
