import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, isConnectError } from "@trellis/resource";

import type { Exchange } from "./exchanges.ts";
import { explainFailure } from "./failure.ts";
import type { ServerLimits } from "./limits.ts";
import type { ServerLog } from "./log.ts";
import type { NodeRequest } from "./node-exchange.ts";
import type { OutgoingResponse } from "./node-response.ts";
import type { HttpResponse, HttpRoute } from "./part.ts";
import { problemResponse } from "./problem.ts";
import { readWholeBody } from "./request-body.ts";

/** A request for a route outside Connect. */
export interface PlainCall {
  readonly request: NodeRequest;
  readonly headers: Headers;
  readonly exchange: Exchange;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: ServerLog;
}

/** The route with the longest prefix of the path. */
export function longestPrefix(routes: readonly HttpRoute[], path: string): HttpRoute | undefined {
  let longest: HttpRoute | undefined;
  for (const route of routes) {
    if (path.startsWith(route.prefix) && route.prefix.length > (longest?.prefix.length ?? -1))
      longest = route;
  }
  return longest;
}

/** Lets a plain route answer; what it throws becomes `application/problem+json`. HEAD is answered as GET without its body. */
export async function answerPlain(route: HttpRoute, call: PlainCall): Promise<OutgoingResponse> {
  const { request, headers, exchange, limits, clock } = call;
  const target = request.url ?? "/";
  const path = target.startsWith("/") ? target : target.replace(/^[a-z]+:\/\/[^/]*/i, "");
  try {
    if (!URL.canParse(`http://trellis.invalid${path}`))
      throw new ConnectError(`"${path}" is not a URL`, Code.InvalidArgument);
    const answer = await route.handle({
      method: request.method === "HEAD" ? "GET" : (request.method ?? ""),
      url: new URL(`http://trellis.invalid${path}`),
      headers,
      body: () =>
        readWholeBody(request, { clock, timeoutMs: limits.bodyTimeoutMs, maxBytes: limits.maxRequestBytes }),
      signal: exchange.signal,
    });
    return plainResponse(answer, exchange, request.method === "HEAD");
  } catch (error) {
    return plainFailure(error, call);
  }
}

function plainResponse(answer: HttpResponse, exchange: Exchange, head: boolean): OutgoingResponse {
  const headers = new Headers(answer.headers);
  const { status, body } = answer;
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (bytes !== undefined) headers.set("content-length", String(bytes.byteLength));
    return { status, headers, body: head ? undefined : bytes };
  }
  if (head) return { status, headers };
  exchange.markStream();
  return { status, headers, body: encoded(body), flush: true };
}

async function* encoded(parts: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const part of parts) yield typeof part === "string" ? encoder.encode(part) : part;
}

function plainFailure(thrown: unknown, call: PlainCall): OutgoingResponse {
  const known = isConnectError(thrown) ? thrown : undefined;
  if (known === undefined)
    call.log.error({ err: thrown, path: call.request.url?.split("?", 1)[0] }, "a route failed");
  const raised =
    known ??
    new ConnectError("the server failed in an unforeseen way; its log has the details", Code.Internal);
  return problemResponse(
    explainFailure(raised, { mutation: false, maxRequestBytes: call.limits.maxRequestBytes }),
  );
}
