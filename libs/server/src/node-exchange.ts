import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";

/** A request as Node gives it, of HTTP/1.1 or HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response as Node takes it: what the classes of HTTP/1.1 and HTTP/2 have in common. */
export interface NodeResponse extends EventEmitter {
  readonly headersSent: boolean;
  statusCode: number;
  readonly writableEnded: boolean;
  /** Bytes that were written and are not on their way yet. */
  readonly writableLength: number;
  readonly destroyed?: boolean;
  /** Of HTTP/2 only. */
  readonly stream?: ServerHttp2Stream;
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, headers?: Record<string, string>): unknown;
  flushHeaders?(): void;
  write(chunk: Uint8Array): boolean;
  addTrailers(trailers: Record<string, string>): void;
  end(): unknown;
  destroy(): unknown;
}

/** The headers without HTTP/2's pseudo headers. Throws a TypeError for a value that HTTP does not allow. */
export function headersOf(request: NodeRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") headers.set(name, value);
    else for (const one of value) headers.append(name, one);
  }
  return headers;
}

/** True when HTTP/2 carries the exchange. */
export function isHttp2(request: NodeRequest): request is Http2ServerRequest {
  return request.httpVersionMajor === 2;
}

/** True when nothing more can be written because the connection or stream is gone. */
export function isGone(response: NodeResponse): boolean {
  return response.stream?.destroyed ?? response.destroyed === true;
}

/** Why a call of a client that went away ends. */
export function clientGone(): ConnectError {
  return new ConnectError("the client went away", Code.Canceled);
}

/** A signal that is aborted when the exchange ends before the response was written, with `canceled` as its reason. */
export function watchClient(request: NodeRequest, response: NodeResponse): AbortController {
  const controller = new AbortController();
  const ignore = (): void => undefined;
  request.on("error", ignore);
  response.on("error", ignore);
  response.once("close", () => {
    if (!response.writableEnded) controller.abort(clientGone());
  });
  return controller;
}
