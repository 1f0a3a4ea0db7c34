import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import type { Cors } from "../cors.ts";
import type { Exchanges } from "../exchanges.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { ServerLimits } from "../limits.ts";
import type { ServerLog } from "../log.ts";
import type { Clock } from "@trellis/resource";
import type { PassedRequests } from "../passed-requests.ts";
import { BodyMemory } from "./body-memory.ts";
import { EqualTimeouts } from "./equal-timeouts.ts";
import { Http1Wire } from "./http1-wire.ts";
import { Http2Wire } from "./http2-wire.ts";
import { type CallSupport, LaneCall } from "./lane-call.ts";
import { readLaneHead, UNARY_PROTOCOLS } from "./lane-head.ts";
import type { LaneMethod } from "./lane-methods.ts";
import type { Wire } from "./wire.ts";

/** What the lane shares with the way that all other requests take. */
export interface FastLaneOptions {
  readonly unaryMethods: ReadonlyMap<string, LaneMethod>;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: ServerLog;
  readonly exchanges: Exchanges;
  readonly heldBytes: HeldBytes;
  readonly passed: PassedRequests;
  /** Whether the part that serves a service has started. */
  readonly isStarted: (service: string) => boolean;
  /** Whether connections are to end. */
  readonly isClosing: () => boolean;
  readonly commonHeaders: () => Readonly<Record<string, string>>;
  readonly cors: Pick<Cors, "always">;
}

/**
 * Serves plain unary calls without the protocol library: Connect (binary and JSON) and gRPC, by POST, of no other origin and not compressed. It decides on
 * the head alone, and leaves every other request untouched.
 */
export interface FastLane {
  /** Whether it took the request; `slow` serves it when it cannot be answered here after all. */
  http1(request: IncomingMessage, response: ServerResponse, slow: () => void): boolean;
  http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, slow: () => void): boolean;
}

/** Makes the lane of a server. */
export function createFastLane(options: FastLaneOptions): FastLane {
  const { unaryMethods, limits, clock, log, exchanges, heldBytes, passed, isStarted, isClosing } = options;
  const support: CallSupport = {
    clock,
    log,
    maxRequestBytes: limits.maxRequestBytes,
    exchanges,
    bodies: new BodyMemory(),
    bodyTimeoutMs: limits.bodyTimeoutMs,
    bodyTimeouts: new EqualTimeouts(clock, limits.bodyTimeoutMs, (call) => call.onSlowBody()),
    writeTimeouts: new EqualTimeouts(clock, limits.writeStallMs, (call) => call.onStalled()),
    commonHeaders: options.commonHeaders,
    plainHeaders: options.cors.always,
    pass(wire, known) {
      passed.note(wire.source, known);
      wire.pass();
    },
  };

  function take(path: string, headers: IncomingHttpHeaders, wire: () => Wire): boolean {
    const method = unaryMethods.get(path);
    if (method === undefined || exchanges.size() >= limits.maxRequests) return false;
    const head = readLaneHead(headers, limits, UNARY_PROTOCOLS);
    if (head === undefined || !isStarted(method.method.parent.typeName)) return false;
    new LaneCall({ support, method, head, wire: wire(), held: heldBytes.open() });
    return true;
  }

  return {
    http1: (request, response, slow) =>
      request.method === "POST" &&
      // gRPC is a protocol of HTTP/2.
      request.headers["content-type"]?.startsWith("application/grpc") !== true &&
      take(
        request.url ?? "",
        request.headers,
        () => new Http1Wire(request, response, { slow, endsConnection: isClosing }),
      ),
    http2: (stream, headers, slow) =>
      headers[":method"] === "POST" &&
      take(headers[":path"] ?? "", headers, () => new Http2Wire(stream, headers, slow)),
  };
}
