import type { Transport } from "@connectrpc/connect";
import { streamingTransport, WideSessionManager } from "@trellis/resource/node";

import { MAX_MESSAGE_BYTES } from "./protocol.ts";

/** A connection to one server: requests, and how to end it. */
export interface StorageConnection {
  readonly transport: Transport;
  /** Ends it at once, with all that is under way on it. */
  close(): void;
}

/** How a connection is kept. */
export interface StorageConnectionOptions {
  /** It is closed after so long without a request, in milliseconds, and opened again for the next one. Never when absent. */
  readonly idleMs?: number | undefined;
}

/**
 * A connection to `host:port`: HTTP/2 without TLS. Throws a TypeError for what is no address. It sends no PINGs: servers say twice a second where they stand,
 * and a link counts what does not come in a way that a stall of its own process does not disturb, which the time until a PING is answered is not.
 */
export function connectStorage(
  address: string,
  { idleMs }: StorageConnectionOptions = {},
): StorageConnection {
  const baseUrl = `http://${address}`;
  const sessionManager = new WideSessionManager(
    baseUrl,
    idleMs === undefined ? undefined : { idleConnectionTimeoutMs: idleMs },
  );
  return {
    transport: streamingTransport({
      baseUrl,
      sessions: sessionManager,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    }),
    close: () => sessionManager.abort(),
  };
}
