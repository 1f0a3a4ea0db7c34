import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  contentTypeStreamRegExp,
  endStreamFlag,
  endStreamToJson,
  errorToJson,
} from "@connectrpc/connect/protocol-connect";

import { setGrpcStatus } from "./grpc-status.ts";
import type { OutgoingResponse } from "./node-response.ts";
import type { ProblemOptions } from "./problem.ts";

const GRPC = /^application\/grpc(-web)?(-text)?(\+\w+)?(;|$)/i;
const CONNECT_UNARY = /^application\/(proto|json)(;|$)/i;

/** True for the content types of Connect, gRPC and gRPC-Web, streaming or not. */
export function isRpcContentType(contentType: string): boolean {
  return (
    GRPC.test(contentType) || CONNECT_UNARY.test(contentType) || contentTypeStreamRegExp.test(contentType)
  );
}

/**
 * Writes an error as the protocol of the request's content type has it; Connect's JSON for what is none of them. The status of the
 * options replaces that of a Connect unary error; streams and gRPC always answer 200 and tell the error in trailers or in the last
 * message.
 */
export function rpcFailure(
  contentType: string,
  error: ConnectError,
  options: ProblemOptions = {},
): OutgoingResponse {
  const headers = new Headers(options.headers);
  if (GRPC.test(contentType)) {
    headers.set("content-type", contentType);
    setGrpcStatus(headers, error);
    return { status: 200, headers };
  }
  if (contentTypeStreamRegExp.test(contentType)) {
    headers.set("content-type", contentType);
    const end = JSON.stringify(endStreamToJson(new Headers(), error, undefined));
    return { status: 200, headers, body: encodeEnvelope(endStreamFlag, new TextEncoder().encode(end)) };
  }
  const body = new TextEncoder().encode(JSON.stringify(errorToJson(error, undefined)));
  headers.set("content-type", "application/json");
  headers.set("content-length", String(body.byteLength));
  return { status: options.status ?? codeToHttpStatus(error.code), headers, body };
}
