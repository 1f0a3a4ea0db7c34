import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { connectNodeAdapter } from "@connectrpc/connect-node";

import { EncodedStorageService } from "../encoded-service.ts";
import { MAX_MESSAGE_BYTES, SESSION_MEGABYTES } from "../protocol.ts";
import type { TestWire } from "./test-wire.ts";

/** A server of a test at a port of the loopback. */
export interface Http2Server {
  readonly address: string;
  /** How many connections are open. */
  connections(): number;
  /** Cuts all of them. */
  cut(): void;
  stop(): Promise<void>;
}

/** Serves what a test's wire does, over HTTP/2. */
export async function serveHttp2(wire: TestWire): Promise<Http2Server> {
  const limits = { readMaxBytes: MAX_MESSAGE_BYTES, writeMaxBytes: MAX_MESSAGE_BYTES };
  const server = createServer(
    { maxSessionMemory: SESSION_MEGABYTES },
    connectNodeAdapter({
      routes: (router) => void router.service(EncodedStorageService, wire.routes(), limits),
    }),
  );
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sessions.size,
    cut,
    async stop() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      cut();
      await closed;
    },
  };
}
