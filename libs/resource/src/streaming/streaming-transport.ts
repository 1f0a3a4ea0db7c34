import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, type Http2SessionManager } from "@connectrpc/connect-node";

import { StreamingCall } from "./streaming-call.ts";

/** How calls are made. */
export interface StreamingTransportOptions {
  /** `http://host:port`. */
  readonly baseUrl: string;
  /** The connection, which all calls share. */
  readonly sessions: Http2SessionManager;
  /** Of one message, each way; more is refused as RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number;
}

/**
 * Calls a server by gRPC, without compression: it takes more time than it saves between machines that are near, and buffers what flow control is to hold back. Calls in which both sides stream
 * go without the protocol library, which takes ten asynchronous steps for each message; it makes all others, and those with a deadline.
 */
export function streamingTransport({
  baseUrl,
  sessions,
  maxMessageBytes,
}: StreamingTransportOptions): Transport {
  const library = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    acceptCompression: [],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
  });
  return {
    unary: (...call) => library.unary(...call),
    stream(method, signal, timeoutMs, header, input, contextValues) {
      if (method.methodKind !== "bidi_streaming" || timeoutMs !== undefined)
        return library.stream(method, signal, timeoutMs, header, input, contextValues);
      return new StreamingCall({ sessions, maxMessageBytes }, { method, signal, header }).open(input);
    },
  };
}
