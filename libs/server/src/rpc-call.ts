import type { Registry as SchemaRegistry } from "@bufbuild/protobuf";
import { type ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { apiError, type Clock } from "@trellis/resource";

import type { Exchange } from "./exchanges.ts";
import type { HeldBody } from "./held-bytes.ts";
import { createJsonRequest, JSON_REQUEST } from "./json-request.ts";
import type { ServerLimits } from "./limits.ts";
import { createMessageFrames } from "./message-frames.ts";
import type { NodeRequest } from "./node-exchange.ts";
import type { OutgoingResponse } from "./node-response.ts";
import { KNOWN_FAILURE, passedBody, type PassedRequest } from "./passed-requests.ts";
import { readBody } from "./request-body.ts";
import { hasSingleRequest, isMutation } from "./method-kinds.ts";
import { rpcFailure } from "./rpc-failure.ts";
import { rpcResponse } from "./rpc-response.ts";
import { limitTimeouts } from "./timeout-headers.ts";

const METHOD_NOT_ALLOWED = 405;

/** What the query of a Connect GET must have (https://connectrpc.com/docs/protocol, "Unary-Get-Request"). */
const QUERY: readonly { readonly name: string; readonly description: string }[] = [
  { name: "encoding", description: "is missing; json or proto" },
  { name: "message", description: "is missing; the request, percent-encoded, or in base64 beside base64=1" },
];

/** A request for an RPC method. */
export interface RpcCall {
  readonly request: NodeRequest;
  readonly headers: Headers;
  readonly exchange: Exchange;
  readonly held: HeldBody;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** What is known of it already, when somebody else began to serve it. */
  readonly passed?: PassedRequest | undefined;
  /** The types that may stand in an `Any`. */
  readonly schemas: SchemaRegistry;
}

/** Lets the handler of a method answer, whichever of Connect, gRPC and gRPC-Web the request speaks. */
export async function answerRpc(handler: UniversalHandler, call: RpcCall): Promise<OutgoingResponse> {
  const { request, headers, exchange, limits, clock } = call;
  const { method = "" } = request;
  const refused = { status: METHOD_NOT_ALLOWED };
  if (!verbsOf(handler).includes(method)) return refusal(handler, refused, headers);
  const url = rpcUrl(request.url ?? handler.requestPath);
  if (url === undefined || hasBrokenMessage(url)) {
    const message = "the query is not one that Connect GET has; see https://connectrpc.com/docs/protocol";
    return rpcFailure("", apiError({ reason: "MALFORMED_REQUEST", message }));
  }
  const missing = method === "GET" ? QUERY.filter(({ name }) => !url.searchParams.has(name)) : [];
  if (missing.length > 0) return rpcFailure("", incompleteQuery(handler, missing));
  limitTimeouts(headers, limits.maxTimeoutMs);
  const single = hasSingleRequest(handler.method);
  const { passed } = call;
  const body =
    passed !== undefined
      ? passedBody(passed, call.held)
      : readBody(request, {
          clock,
          timeoutMs: limits.bodyTimeoutMs,
          frames: single ? undefined : createMessageFrames(),
          held: call.held,
          signal: single ? undefined : exchange.signal,
        });
  // The protocol layers abandon a body that breaks a rule: it is closed with its exchange, whatever became of it.
  exchange.atAnswer(() => body.close());
  const json = single
    ? createJsonRequest({
        headers,
        url,
        schema: handler.method.input,
        schemas: call.schemas,
        maxBytes: limits.maxRequestBytes,
      })
    : undefined;
  const answer = await handler({
    httpVersion: request.httpVersion,
    method,
    url: url.href,
    header: headers,
    body: json?.keep(body) ?? body,
    signal: exchange.signal,
    contextValues: createContextValues().set(JSON_REQUEST, json).set(KNOWN_FAILURE, passed?.failure),
  });
  if (answer.body === undefined && answer.status >= 400) return refusal(handler, answer, headers);
  return await rpcResponse(answer, {
    mutation: isMutation(handler.method),
    maxRequestBytes: limits.maxRequestBytes,
    json,
  });
}

function incompleteQuery(handler: UniversalHandler, missing: typeof QUERY): ConnectError {
  const names = missing.map(({ name }) => name).join(" and ");
  return apiError({
    reason: "MALFORMED_REQUEST",
    message: `a GET of ${handler.requestPath} has its request in the query, which lacks ${names}: send ?encoding=json&message={…}, percent-encoded, or use POST`,
    violations: missing.map(({ name, description }) => ({ field: `query.${name}`, description })),
  });
}

/** Only path and query mean something; the origin is made up. */
function rpcUrl(target: string): URL | undefined {
  const url = `http://trellis.invalid${target.startsWith("/") ? "" : "/"}${target}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** Connect takes text that is not base64 for a defect of the server. */
function hasBrokenMessage(url: URL): boolean {
  return url.searchParams.get("base64") === "1" && !/^[\w+/=-]*$/.test(url.searchParams.get("message") ?? "");
}

/** Connect has GET for unary calls only, whatever else a method promises. */
function verbsOf(handler: UniversalHandler): readonly string[] {
  return handler.method.methodKind === "unary" ? handler.allowedMethods : ["POST"];
}

/** What a handler refuses before any protocol is chosen: a wrong verb, content type or HTTP version. */
function refusal(
  handler: UniversalHandler,
  answer: UniversalServerResponse,
  headers: Headers,
): OutgoingResponse {
  const { status } = answer;
  const contentType = headers.get("content-type") ?? "";
  // What was not even read was not applied.
  const told = isMutation(handler.method) ? { metadata: { applied: "no" } } : {};
  const refuse = (error: ConnectError, more: Readonly<Record<string, string>> = {}): OutgoingResponse =>
    rpcFailure(contentType, error, {
      status,
      headers: { ...Object.fromEntries(answer.header ?? new Headers()), ...more },
    });
  switch (status) {
    case METHOD_NOT_ALLOWED: {
      const allow = verbsOf(handler).join(", ");
      return refuse(
        apiError({ reason: "METHOD_NOT_ALLOWED", message: `${handler.requestPath} takes ${allow}`, ...told }),
        { allow },
      );
    }
    case 415: {
      const accepted = acceptedTypes(handler).join(", ");
      const message = `content type "${contentType}" is not one of ${accepted}`;
      return refuse(apiError({ reason: "UNSUPPORTED_MEDIA_TYPE", message, ...told }), {
        "accept-post": accepted,
      });
    }
    default: {
      const message = "bidirectional streams need HTTP/2: connect with prior knowledge (h2c)";
      return refuse(apiError({ reason: "NOT_IMPLEMENTED", message }));
    }
  }
}

function acceptedTypes(handler: UniversalHandler): readonly string[] {
  const candidates = [
    "application/json",
    "application/proto",
    "application/connect+json",
    "application/connect+proto",
    "application/grpc",
    "application/grpc-web",
  ];
  return candidates.filter((candidate) => handler.supportedContentType(candidate));
}
