import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, isConnectError } from "@trellis/resource";

import { ACCEPTED_ENCODINGS, type Decode, decoderOf, unsupportedEncoding } from "./content-encoding.ts";
import type { Exchange } from "./exchanges.ts";
import { explainFailure } from "./failure.ts";
import type { HeldBody } from "./held-bytes.ts";
import type { ServerLimits } from "./limits.ts";
import type { ServerLog } from "./log.ts";
import type { NodeRequest } from "./node-exchange.ts";
import type { OutgoingResponse } from "./node-response.ts";
import type { HttpResponse, HttpRoute } from "./part.ts";
import { problemResponse } from "./problem.ts";
import { readWholeBody } from "./request-body.ts";

const UNSUPPORTED_MEDIA_TYPE = 415;

/** A request for a route outside Connect. */
export interface PlainCall {
  readonly request: NodeRequest;
  readonly headers: Headers;
  readonly exchange: Exchange;
  readonly held: HeldBody;
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
  const { request, headers, exchange, held, limits, clock } = call;
  const target = request.url ?? "/";
  const path = target.startsWith("/") ? target : target.replace(/^[a-z]+:\/\/[^/]*/i, "");
  const decode = decoderOf(headers);
  const maxBytes = limits.maxRequestBytes;
  const readBody = async (): Promise<Uint8Array> => {
    if (decode === undefined) throw unsupportedEncoding(headers);
    const bytes = await readWholeBody(request, { clock, timeoutMs: limits.bodyTimeoutMs, maxBytes, held });
    const plain = await decode(bytes, maxBytes);
    if (plain !== bytes) held.take(plain.byteLength);
    return plain;
  };
  try {
    if (!URL.canParse(`http://trellis.invalid${path}`))
      throw new ConnectError(`"${path}" is not a URL`, Code.InvalidArgument);
    const answer = await route.handle({
      method: request.method === "HEAD" ? "GET" : (request.method ?? ""),
      url: new URL(`http://trellis.invalid${path}`),
      headers,
      body: readBody,
      signal: exchange.signal,
    });
    return withEncodings(plainResponse(answer, exchange, request.method === "HEAD"), decode);
  } catch (error) {
    return withEncodings(plainFailure(error, call), decode);
  }
}

/** Tells a client whose encoding was refused which there are (RFC 9110 §12.5.3). */
function withEncodings(response: OutgoingResponse, decode: Decode | undefined): OutgoingResponse {
  if (response.status === UNSUPPORTED_MEDIA_TYPE && decode === undefined)
    response.headers.set("accept-encoding", ACCEPTED_ENCODINGS);
  return response;
}

function plainResponse(answer: HttpResponse, exchange: Exchange, head: boolean): OutgoingResponse {
  const headers = new Headers(answer.headers);
  const { status, body } = answer;
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (bytes !== undefined) headers.set("content-length", String(bytes.byteLength));
    return { status, headers, body: head ? undefined : bytes };
  }
  if (head) {
    // Nobody is going to read it. Not awaited: what it waits for ends in its own time.
    body[Symbol.asyncIterator]()
      .return?.()
      .catch(() => undefined);
    return { status, headers };
  }
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
