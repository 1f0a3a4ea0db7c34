import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { WideSessionManager } from "@trellis/resource/node";

import type { Client } from "./client.ts";
import { type ClientOptions, createClient } from "./create-client.ts";
import { anyOf } from "./several-servers.ts";

/** How to reach a server. */
export interface ConnectOptions extends Omit<ClientOptions, "transport" | "signal"> {
  /** `http://host:port` (HTTP/2 without TLS) or `https://host:port`; of a cluster, any number of its gateways: one is used as long as it answers. */
  readonly server: string | readonly string[];
}

/** A client with a connection of its own. */
export interface ConnectedClient extends Client {
  /** Ends the connection, and with it all calls and watches. Later calls fail: make another client for them. */
  close(): void;
}

/** A watch may be silent for long: a ping tells a quiet server from a dead one. */
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;
/** A connection without calls is closed after this. */
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Makes a client that reaches a server over HTTP/2. It asks for no compression: between machines that are near that takes more time than it saves, and each message of a watch
 * would wait for a thread. Connects at the first call. Throws TypeError for a URL that cannot be. */
export function connectClient({ server, ...options }: ConnectOptions): ConnectedClient {
  const urls = (typeof server === "string" ? [server] : server).map(checkServerUrl);
  const connections = [...new Set(urls)].map(connect);
  const closed = new AbortController();
  const transport = anyOf(connections.map((connection) => connection.transport));
  return {
    ...createClient({ ...options, transport, signal: closed.signal }),
    close() {
      closed.abort(new ConnectError("the client is closed", Code.Canceled));
      for (const { sessionManager } of connections) sessionManager.abort();
    },
  };
}

function connect(baseUrl: string) {
  const sessionManager = new WideSessionManager(baseUrl, {
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
    idleConnectionTimeoutMs: IDLE_TIMEOUT_MS,
  });
  return {
    sessionManager,
    transport: createConnectTransport({ baseUrl, httpVersion: "2", sessionManager, acceptCompression: [] }),
  };
}

/** The URL's origin. Throws TypeError saying what was expected. */
export function checkServerUrl(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.host === "") {
    throw new TypeError(
      `expected the server's URL as http://HOST:PORT or https://HOST:PORT, found "${server}"`,
    );
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new TypeError(`expected the server's URL without a path, found "${server}"; write ${url.origin}`);
  }
  return url.origin;
}
