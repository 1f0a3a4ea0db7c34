import type { Registry as SchemaRegistry } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { apiError, type Clock } from "@trellis/resource";

import { servedWith } from "./counted-compression.ts";
import type { Cors } from "./cors.ts";
import { createExchanges, type Exchange } from "./exchanges.ts";
import { createFastLane, type FastLane } from "./fast-lane/fast-lane.ts";
import type { LaneMethod } from "./fast-lane/lane-methods.ts";
import { createHeldBytes, type HeldBody } from "./held-bytes.ts";
import { KNOWN_VERBS } from "./http-refusals.ts";
import type { ServerLimits } from "./limits.ts";
import type { ServerLog } from "./log.ts";
import { headersOf, isHttp2, type NodeRequest, type NodeResponse } from "./node-exchange.ts";
import { type OutgoingResponse, writeResponse } from "./node-response.ts";
import type { HttpRoute } from "./part.ts";
import { type PassedRequest, PassedRequests } from "./passed-requests.ts";
import { problemResponse } from "./problem.ts";
import { answerPlain, longestPrefix } from "./plain-route.ts";
import { discardRestOfBody } from "./request-body.ts";
import { answerRpc } from "./rpc-call.ts";
import { streamsResponse } from "./method-kinds.ts";
import { isRpcContentType, rpcFailure } from "./rpc-failure.ts";
import { WriteAhead } from "./write-ahead.ts";

/** What a dispatcher needs. */
export interface DispatcherOptions {
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  /** The methods that the fast lane may serve. */
  readonly unaryMethods: ReadonlyMap<string, LaneMethod>;
  /** Whether the part that serves a service has started. */
  readonly isStarted: (service: string) => boolean;
  readonly routes: readonly HttpRoute[];
  readonly cors: Cors;
  readonly limits: ServerLimits;
  readonly schemas: SchemaRegistry;
  readonly clock: Clock;
  readonly log: ServerLog;
  /** Headers that every answer carries unless its handler set them. */
  readonly commonHeaders: () => Readonly<Record<string, string>>;
}

/** Brings each request to the handler of its path and writes what that answers. */
export interface Dispatcher {
  readonly handle: (request: NodeRequest, response: NodeResponse) => void;
  /** What may serve a request before it is handled. */
  readonly lane: FastLane;
  /** From now on HTTP/1.1 clients are told to connect anew for their next request. */
  close(): void;
  /** Ends streams, lets the rest finish, and resolves when nothing is under way or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
  /** Requests under way. */
  active(): number;
}

/** Makes the dispatcher of a listener. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { clock, limits, log } = options;
  const exchanges = createExchanges(clock);
  const heldBytes = createHeldBytes(limits);
  const ahead = new WriteAhead();
  const passed = new PassedRequests();
  let closing = false;
  const lane = createFastLane({ ...options, exchanges, heldBytes, passed, isClosing: () => closing });

  async function serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    const headers = safeHeaders(request);
    const held = heldBytes.open();
    await servedWith(headers, held, () => respond(response, { request, headers, held }));
  }

  async function respond(
    response: NodeResponse,
    incoming: Pick<Incoming, "request" | "headers" | "held">,
  ): Promise<void> {
    const { request, headers, held } = incoming;
    const path = pathOf(request);
    const handler = options.handlers.get(path);
    const exchange = exchanges.open(
      request,
      response,
      handler !== undefined && streamsResponse(handler.method),
    );
    exchange.atAnswer(() => held.end());
    try {
      const outgoing =
        exchanges.size() > limits.maxRequests
          ? refuse(headers, limits.maxRequests)
          : await answer(options, { ...incoming, path, handler, exchange, passed: passed.of(request) });
      finishHeaders(options, outgoing, headers);
      if (closing && !isHttp2(request)) response.setHeader("connection", "close");
      await writeResponse(response, outgoing, {
        clock,
        stallMs: limits.writeStallMs,
        ahead,
        onEnded() {
          exchange.answered();
          discardRestOfBody(request, clock);
        },
      });
    } finally {
      exchange.close();
      discardRestOfBody(request, clock);
    }
  }

  return {
    handle(request, response) {
      serve(request, response).catch((error: unknown) => {
        log.error({ err: error, path: pathOf(request) }, "a response could not be written");
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    },
    lane,
    close: () => void (closing = true),
    drain: (graceMs) => exchanges.drain(graceMs),
    active: () => exchanges.size(),
  };
}

function finishHeaders(
  { cors, commonHeaders }: DispatcherOptions,
  outgoing: OutgoingResponse,
  requestHeaders: Headers,
): void {
  cors.apply(requestHeaders, outgoing.headers);
  for (const [name, value] of Object.entries(commonHeaders())) {
    if (!outgoing.headers.has(name)) outgoing.headers.set(name, value);
  }
}

/** A request on its way to a handler. */
interface Incoming {
  readonly request: NodeRequest;
  readonly headers: Headers;
  readonly held: HeldBody;
  readonly path: string;
  readonly handler: UniversalHandler | undefined;
  readonly exchange: Exchange;
  readonly passed: PassedRequest | undefined;
}

async function answer(options: DispatcherOptions, incoming: Incoming): Promise<OutgoingResponse> {
  const { request, headers, held, path, handler, exchange, passed } = incoming;
  const method = request.method ?? "";
  const preflight = options.cors.preflight(method, headers);
  if (preflight !== undefined) return preflight;
  if (handler !== undefined)
    return await answerRpc(handler, { request, headers, held, exchange, passed, ...options });
  const route = longestPrefix(options.routes, path);
  if (route !== undefined) return await answerPlain(route, { request, headers, held, exchange, ...options });
  if (method === "TRACE") return noTrace();
  return unknownRoute(options, path, headers.get("content-type") ?? "");
}

/** The path as it was sent, without the query. Absolute-form targets, which proxies send, lose their origin. */
function pathOf(request: NodeRequest): string {
  const target = (request.url ?? "/").split("?", 1)[0] ?? "/";
  return target.startsWith("/") ? target : target.replace(/^[a-z]+:\/\/[^/]*/i, "");
}

function safeHeaders(request: NodeRequest): Headers {
  try {
    return headersOf(request);
  } catch {
    // A value that no header may have says nothing that a handler could use.
    return new Headers();
  }
}

function refuse(headers: Headers, maxRequests: number): OutgoingResponse {
  const message = `${maxRequests} requests are under way, the most this server takes; try again in a second`;
  const error = apiError({ reason: "LIMIT_REACHED", message, retryAfterMs: 1_000 });
  return failed(headers.get("content-type") ?? "", error, 503);
}

/** Taken nowhere, so also not where there is no route (RFC 9110 §9.3.8); a route that there is tells its own verbs. */
function noTrace(): OutgoingResponse {
  const error = apiError({
    reason: "METHOD_NOT_ALLOWED",
    message: `expected ${KNOWN_VERBS}, found TRACE; this server takes it nowhere`,
  });
  return problemResponse(error, { headers: { allow: KNOWN_VERBS } });
}

function unknownRoute(options: DispatcherOptions, path: string, contentType: string): OutgoingResponse {
  const service = /^\/([\w.]+)\/(\w+)$/.exec(path)?.[1];
  const handlers = [...options.handlers.values()];
  const methods = handlers
    .filter((handler) => handler.service.typeName === service)
    .map(({ method }) => method.name);
  const services = new Set(handlers.map((handler) => handler.service.typeName));
  const exists =
    methods.length > 0
      ? `${service} has ${methods.join(", ")}`
      : `there are ${[...options.routes.map((route) => route.prefix), ...services].join(", ")}`;
  const message = `no route ${path}: ${exists}`;
  if (service === undefined) return problemResponse(apiError({ reason: "ROUTE_NOT_FOUND", message }));
  return failed(contentType, apiError({ code: Code.Unimplemented, reason: "ROUTE_NOT_FOUND", message }), 404);
}

/** An error before any route is found, as the protocol of the content type has it. */
function failed(contentType: string, error: ConnectError, status: number): OutgoingResponse {
  return isRpcContentType(contentType)
    ? rpcFailure(contentType, error, { status })
    : problemResponse(error, { status });
}
