import type { DescMethod, Registry as SchemaRegistry } from "@bufbuild/protobuf";
import { Code, ConnectError, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

import { enveloped } from "./fast-lane/envelope.ts";
import { type LaneHead, readLaneHead, STREAM_PROTOCOLS } from "./fast-lane/lane-head.ts";
import type { InterceptorOptions } from "./interceptors.ts";
import type { ServerLimits } from "./limits.ts";
import { jsonOptions, type RpcLimits } from "./rpc-options.ts";

/*
 * What calls have in common that answer with a stream of protobuf and are served without the protocol library's pipelines.
 */

/** What the streams of a server share. */
export interface StreamOptions extends InterceptorOptions, RpcLimits {
  readonly limits: ServerLimits;
  readonly isStarted: (service: string) => boolean;
}

/** What a method is told of its call, which may be told to end. */
export type StreamContext = HandlerContext & { abort(reason?: unknown): void };

/** Reads the head of a call. Undefined for one that is left to the library: anything but protobuf in Connect or gRPC with nothing compressed. */
export function streamHead(
  { method, header, httpVersion }: UniversalServerRequest,
  called: DescMethod,
  { limits, isStarted }: StreamOptions,
): LaneHead | undefined {
  if (method !== "POST" || !isStarted(called.parent.typeName)) return undefined;
  const head = readLaneHead(Object.fromEntries(header), limits, STREAM_PROTOCOLS);
  if (head === undefined || head.compression !== null) return undefined;
  const needsHttp2 = head.protocol.name === "grpc" || called.methodKind === "bidi_streaming";
  return needsHttp2 && !httpVersion.startsWith("2") ? undefined : head;
}

/** A handler that is known as the library's is. */
export function insteadOf(
  library: UniversalHandler,
  serve: (request: UniversalServerRequest) => Promise<UniversalServerResponse>,
): UniversalHandler {
  return Object.assign(serve, {
    protocolNames: library.protocolNames,
    allowedMethods: library.allowedMethods,
    supportedContentType: library.supportedContentType,
    requestPath: library.requestPath,
    service: library.service,
    method: library.method,
  });
}

/** Makes the context of a call. */
export function streamContext(
  { header, signal, url, contextValues }: UniversalServerRequest,
  method: DescMethod,
  { protocol, timeoutMs }: LaneHead,
): StreamContext {
  return createHandlerContext({
    service: method.parent,
    method,
    protocolName: protocol.name,
    requestMethod: "POST",
    url,
    requestHeader: header,
    requestSignal: signal,
    responseHeader: { "content-type": protocol.contentType },
    responseTrailer: protocol.name === "grpc" ? { "grpc-status": "0" } : {},
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(contextValues !== undefined && { contextValues }),
  });
}

/** The answer to a call, whose messages are `body`. */
export function streamResponse(
  { responseHeader: header, responseTrailer: trailer }: StreamContext,
  { protocol }: LaneHead,
  body: AsyncIterable<Uint8Array>,
): UniversalServerResponse {
  return protocol.name === "grpc" ? { status: 200, header, trailer, body } : { status: 200, header, body };
}

/** Asked where a method has ended: it may do so quietly when it is told that the time is up, and its caller would take that for the end of what there is. */
export function throwPassedDeadline({ signal }: StreamContext): void {
  if (signal.aborted && ConnectError.from(signal.reason).code === Code.DeadlineExceeded) throw signal.reason;
}

/** Tells the end, and what went wrong: gRPC in its trailers, Connect in a last envelope, which is returned. */
export function lastWord(
  { responseTrailer: trailer }: StreamContext,
  { protocol }: LaneHead,
  { error, schemas }: { readonly error: ConnectError | undefined; readonly schemas: SchemaRegistry },
): Uint8Array | undefined {
  if (protocol.name === "grpc") {
    if (error !== undefined) setTrailerStatus(trailer, error);
    return undefined;
  }
  const end = JSON.stringify(endStreamToJson(trailer, error, jsonOptions(schemas)));
  return enveloped(Buffer.from(end), endStreamFlag);
}
