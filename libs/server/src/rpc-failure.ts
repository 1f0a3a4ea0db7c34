import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  contentTypeStreamRegExp,
  endStreamFlag,
  endStreamToJson,
  errorToJson,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

import type { OutgoingResponse } from "./node-response.ts";

const GRPC = /^application\/grpc(-web)?(\+\w+)?(;|$)/i;
const CONNECT_UNARY = /^application\/(proto|json)(;|$)/i;

/** True for the content types of Connect, gRPC and gRPC-Web, streaming or not. */
export function isRpcContentType(contentType: string): boolean {
  return GRPC.test(contentType) || CONNECT_UNARY.test(contentType) || contentTypeStreamRegExp.test(contentType);
}

/**
 * Writes an error as the protocol of the request's content type has it. `status` replaces the HTTP status of a Connect unary error;
 * streaming protocols and gRPC always answer 200 and tell the error in trailers or in the last message.
 */
export function rpcFailure(contentType: string, error: ConnectError, status?: number): OutgoingResponse {
  const headers = new Headers();
  if (GRPC.test(contentType)) {
    headers.set("content-type", contentType);
    setTrailerStatus(headers, error);
    return { status: 200, headers };
  }
  if (contentTypeStreamRegExp.test(contentType)) {
    headers.set("content-type", contentType);
    const end = JSON.stringify(endStreamToJson(new Headers(), error, undefined));
    return { status: 200, headers, body: encodeEnvelope(endStreamFlag, new TextEncoder().encode(end)) };
  }
  headers.set("content-type", "application/json");
  const body = new TextEncoder().encode(JSON.stringify(errorToJson(error, undefined)));
  return { status: status ?? codeToHttpStatus(error.code), headers, body };
}

/** Turns whatever a handler threw into a ConnectError; `undefined` for what is not one. */
export function connectErrorOf(error: unknown): ConnectError | undefined {
  return error instanceof ConnectError ? error : undefined;
}

/** The HTTP status of a plain route's error. */
export function plainStatus(error: ConnectError, reason: string | undefined): number {
  if (reason === "REQUEST_TOO_LARGE") return 413;
  if (error.code === Code.DeadlineExceeded) return 408;
  if (error.code === Code.Canceled) return 499;
  return codeToHttpStatus(error.code);
}
