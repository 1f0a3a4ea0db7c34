import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";

import { describe, expect, it } from "@jest/globals";

import { HTTP2_WINDOWS, WideSessionManager } from "./node.ts";

describe("a client's connection over HTTP/2", () => {
  it("takes megabytes ahead of what is read, on each stream and in all", async () => {
    const server = createServer();
    const seen = Promise.withResolvers<ServerHttp2Session>();
    server.on("session", seen.resolve);
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.end();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const manager = new WideSessionManager(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      const stream = await manager.request("GET", "/", {}, {});
      stream.resume();
      await new Promise((resolve) => stream.once("close", resolve));
      const session = await seen.promise;
      // What the server may send, as it knows it.
      expect(session.remoteSettings.initialWindowSize).toBe(HTTP2_WINDOWS.stream);
      await new Promise((resolve) => session.ping(resolve));
      expect(session.state.remoteWindowSize).toBe(HTTP2_WINDOWS.connection);
    } finally {
      manager.abort();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
