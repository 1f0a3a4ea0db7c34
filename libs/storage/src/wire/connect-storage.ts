import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { MAX_MESSAGE_BYTES } from "./protocol.ts";

/** A connection to one server: requests, and how to end it. */
export interface StorageConnection {
  readonly transport: Transport;
  /** Ends it at once, with all that is under way on it. */
  close(): void;
}

/** A connection that is silent for so long is asked whether it lives, and given up when it does not answer in time. */
const PING_MS = 2_000;
const PING_TIMEOUT_MS = 2_000;

/** A connection to `host:port`: HTTP/2 without TLS. */
export function connectStorage(address: string): StorageConnection {
  const baseUrl = `http://${address}`;
  const sessionManager = new Http2SessionManager(baseUrl, {
    pingIntervalMs: PING_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  return {
    transport: createGrpcTransport({
      baseUrl,
      sessionManager,
      readMaxBytes: MAX_MESSAGE_BYTES,
      writeMaxBytes: MAX_MESSAGE_BYTES,
    }),
    close: () => sessionManager.abort(),
  };
}
