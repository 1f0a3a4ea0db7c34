import http from "node:http";
import type { Http2Server } from "node:http2";
import type { Duplex } from "node:stream";

import type { ConnectError } from "@connectrpc/connect";
import { apiError, type Reason } from "@trellis/resource";

import { isHttp2, type NodeRequest, type NodeResponse } from "./node-exchange.ts";
import { type ProblemOptions, problemResponse } from "./problem.ts";

/** The largest request head, in bytes: Connect GET carries whole messages in its URL. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** The verbs that some route or other takes. */
export const KNOWN_VERBS = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/** Answers requests and bytes that no handler is to see, in the words that Node leaves out, and closes the connection. */
export function refuseBadHttp1(server: http.Server): void {
  server.on("clientError", answerBadHttp);
  server.on("checkExpectation", refuseExpectation);
  server.on("connect", (_: http.IncomingMessage, socket: Duplex) => {
    if (isAnswering(socket)) socket.destroy();
    else answerRaw(socket, noTunnels(), { status: 405, headers: { allow: KNOWN_VERBS } });
  });
}

/** As {@link refuseBadHttp1}; only the stream is closed. */
export function refuseBadHttp2(server: Http2Server): void {
  server.on("checkExpectation", refuseExpectation);
  server.on("connect", (request: NodeRequest, response: NodeResponse) =>
    answer(request, response, noTunnels(), { status: 405, headers: { allow: KNOWN_VERBS } }),
  );
}

/**
 * Answers a request of HTTP/1.1 without a host (RFC 9112 §3.2; those of HTTP/1.0 need none), and says whether it did. Node would answer it without a
 * word.
 */
export function refuseWithoutHost(request: http.IncomingMessage, response: http.ServerResponse): boolean {
  if (request.headers.host !== undefined || request.httpVersion !== "1.1") return false;
  const message = "a request of HTTP/1.1 without a host (RFC 9112 §3.2); send the header Host";
  const violations = [{ field: "header host", description: "is missing" }];
  answer(request, response, apiError({ reason: "MALFORMED_REQUEST", message, violations }), { status: 400 });
  return true;
}

function refuseExpectation(request: NodeRequest, response: NodeResponse): void {
  const message = `expected "expect: 100-continue" or no such header, found "expect: ${request.headers.expect}"; leave it out`;
  const violations = [{ field: "header expect", description: message }];
  answer(request, response, apiError({ reason: "MALFORMED_REQUEST", message, violations }), { status: 417 });
}

function noTunnels(): ConnectError {
  const message = "this server is no proxy and takes no CONNECT; send the request itself";
  return apiError({ reason: "METHOD_NOT_ALLOWED", message });
}

type Refusal = ProblemOptions & { readonly status: number };

function answer(request: NodeRequest, response: NodeResponse, error: ConnectError, options: Refusal): void {
  const { headers, body } = problemResponse(error, options);
  if (!isHttp2(request)) headers.set("connection", "close");
  response.on("error", () => undefined);
  response.writeHead(options.status, Object.fromEntries(headers));
  response.write(body);
  response.end();
}

/** Answers bytes that are not HTTP, heads that are too large and requests that take too long. */
function answerBadHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || isAnswering(socket) || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, reason, message] = badHttp(error.code, error.message);
  answerRaw(socket, apiError({ reason, message }), { status });
}

/** What is broken behind a request that is being answered must not be told in the middle of that answer. */
function isAnswering(socket: Duplex): boolean {
  return (socket as { _httpMessage?: http.ServerResponse | null })._httpMessage?.headersSent === true;
}

function answerRaw(socket: Duplex, error: ConnectError, options: Refusal): void {
  const { status } = options;
  const { headers, body } = problemResponse(error, options);
  headers.set("connection", "close");
  const head = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = Buffer.from(body).toString("utf8");
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${head}\r\n${text}`, () => socket.destroy());
}

function badHttp(
  code: string | undefined,
  message: string,
): readonly [status: number, reason: Reason, message: string] {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "DEADLINE_EXCEEDED", "the request did not arrive in time; send it faster"];
    case "HPE_HEADER_OVERFLOW":
      return [
        431,
        "REQUEST_TOO_LARGE",
        `the request's head is larger than ${MAX_HEADER_BYTES} bytes; use POST`,
      ];
    default:
      return [400, "MALFORMED_REQUEST", `this is not HTTP/1.1 or HTTP/2: ${message}`];
  }
}
