import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "@trellis/resource";
import { apiError } from "@trellis/resource";

/** A request as Node gives it, of HTTP/1.1 or HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response as Node takes it: what the classes of HTTP/1.1 and HTTP/2 have in common. */
export interface NodeResponse extends EventEmitter {
  readonly headersSent: boolean;
  statusCode: number;
  readonly writableFinished: boolean;
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

/** How long the rest of an unwanted body is read and dropped, so that the client sees the answer before the reset. */
const LINGER_MS = 2_000;

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

/** A signal that is aborted when the exchange ends before the response was written, with `canceled` as its reason. */
export function watchClient(request: NodeRequest, response: NodeResponse): AbortController {
  const controller = new AbortController();
  const ignore = (): void => undefined;
  request.on("error", ignore);
  response.on("error", ignore);
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new ConnectError("the client went away", Code.Canceled));
  });
  return controller;
}

/** How a body is read. */
export interface BodyOptions {
  readonly clock: Clock;
  /** The whole body must arrive in this time; unlimited when absent. */
  readonly timeoutMs?: number | undefined;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the body chunk by chunk. Leaving the loop early does not destroy the connection, so that an error can still be answered.
 * Throws `deadline_exceeded` for a client that is too slow, `canceled` for one that went away, the signal's reason.
 */
export async function* readBody(request: NodeRequest, options: BodyOptions): AsyncGenerator<Uint8Array> {
  const iterator = request.iterator({ destroyOnReturn: false });
  const end = bodyEnd(options);
  try {
    for (;;) {
      const chunk = await end.before(iterator.next());
      if (chunk.done === true) return;
      yield chunk.value as Uint8Array;
    }
  } catch (error) {
    if (ConnectError.from(error) === error) throw error;
    throw new ConnectError("the client went away", Code.Canceled, undefined, undefined, error);
  } finally {
    end.cancel();
  }
}

/** Rejects what is waited for when the time is up or the signal is aborted, whichever comes first. */
function bodyEnd({ clock, timeoutMs, signal }: BodyOptions) {
  let rejectWaiting: ((reason: unknown) => void) | undefined;
  let ended: { readonly reason: unknown } | undefined;
  const end = (reason: unknown): void => {
    ended ??= { reason };
    rejectWaiting?.(reason);
  };
  const onAbort = (): void => end(signal?.reason);
  const cancelTimer =
    timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => end(tooSlow(timeoutMs)));
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort);
  return {
    before<T>(next: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        rejectWaiting = reject;
        next.then(resolve, reject);
        if (ended !== undefined) reject(ended.reason as Error);
      });
    },
    cancel(): void {
      cancelTimer?.();
      signal?.removeEventListener("abort", onAbort);
    },
  };
}

/** Reads a whole body of at most `maxBytes`. Throws as {@link readBody}, and `resource_exhausted` past the limit. */
export async function readWholeBody(
  request: NodeRequest,
  options: BodyOptions & { readonly maxBytes: number },
): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > options.maxBytes) throw tooLarge(options.maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(request, options)) {
    length += chunk.byteLength;
    if (length > options.maxBytes) throw tooLarge(options.maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** The error for a request over the limit. */
export function tooLarge(maxBytes: number): ConnectError {
  return apiError({
    code: Code.ResourceExhausted,
    reason: "REQUEST_TOO_LARGE",
    message: `the request is larger than ${maxBytes} bytes, the most this server takes; split it or send less`,
    metadata: { max_bytes: String(maxBytes), applied: "no" },
  });
}

function tooSlow(timeoutMs: number): ConnectError {
  return apiError({
    code: Code.DeadlineExceeded,
    reason: "DEADLINE_EXCEEDED",
    message: `the request's body did not arrive within ${timeoutMs} ms; send it faster or in smaller requests`,
    metadata: { applied: "no" },
  });
}

/**
 * Deals with a body that was answered before it was read to its end: drops what still comes for a short while, so that the client
 * reads the answer instead of a reset connection, then ends the stream (HTTP/2) or the connection (HTTP/1.1).
 */
export function discardRestOfBody(request: NodeRequest, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  if (isHttp2(request)) {
    request.stream.close();
    return;
  }
  const { socket } = request;
  const cancel = clock.after(LINGER_MS, () => socket.destroy());
  request.once("end", cancel);
  request.once("close", cancel);
}
