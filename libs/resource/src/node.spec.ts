import { type ClientHttp2Session, createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";

import { describe, expect, it } from "@jest/globals";

import { HTTP2_WINDOWS, WideSessionManager } from "./node.ts";

/** A server that answers everything, and the first connection to it as it sees it. */
async function serve() {
  const server = createServer();
  const seen = Promise.withResolvers<ServerHttp2Session>();
  server.on("session", seen.resolve);
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200 });
    stream.end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const manager = new WideSessionManager(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    manager,
    session: seen.promise,
    close: async (): Promise<void> => {
      manager.abort();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function ask(manager: WideSessionManager): Promise<ClientHttp2Session> {
  const stream = await manager.request("GET", "/", {}, {});
  const session = stream.session as ClientHttp2Session;
  stream.resume();
  await new Promise((resolve) => stream.once("close", resolve));
  return session;
}

describe("a client's connection over HTTP/2", () => {
  it("takes megabytes ahead of what is read, on each stream and in all", async () => {
    const { manager, session: seen, close } = await serve();
    try {
      await ask(manager);
      const session = await seen;
      // What the server may send, as it knows it.
      expect(session.remoteSettings.initialWindowSize).toBe(HTTP2_WINDOWS.stream);
      await new Promise((resolve) => session.ping(resolve));
      expect(session.state.remoteWindowSize).toBe(HTTP2_WINDOWS.connection);
    } finally {
      await close();
    }
  });

  it("fails for nobody when the server ends it while a request looks for another", async () => {
    const { manager, session, close } = await serve();
    try {
      const own = await ask(manager);
      // An error to which nobody listens ends the process; this one only counts who else does.
      let listeners = 0;
      own.on("error", () => (listeners = own.listenerCount("error") - 1));
      const closed = new Promise((resolve) => own.once("close", resolve));
      // The library has just given it up, and now hears of the next request: it no longer listens to what the connection still has to say.
      const next = new Promise((resolve) => own.once("goaway", () => resolve(ask(manager))));
      (await session).close();
      expect(await next).not.toBe(own);
      await closed;
      expect(listeners).toBeGreaterThan(0);
    } finally {
      await close();
    }
  });
});
