import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";

import type { Clock } from "@trellis/resource";
import { renewStreamTables } from "@trellis/resource/node";

import type { FastLane } from "./fast-lane/fast-lane.ts";
import { type Address, addressText, ALL_INTERFACES } from "./address.ts";
import { MAX_HEADER_BYTES, refuseBadHttp1, refuseBadHttp2, refuseWithoutHost } from "./http-refusals.ts";
import type { ServerLimits } from "./limits.ts";
import { listenError } from "./listen-error.ts";
import type { ServerLog } from "./log.ts";
import type { NodeRequest, NodeResponse } from "./node-exchange.ts";
import { sniffProtocol } from "./preface.ts";
import { createSessions } from "./sessions.ts";

/** What a listener needs. */
export interface ListenerOptions {
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: ServerLog;
  readonly handle: (request: NodeRequest, response: NodeResponse) => void;
  /** Serves what it takes; everything else, and what it gives up, is handled. */
  readonly lane: FastLane;
}

/** One plaintext port for HTTP/1.1 and HTTP/2 (prior knowledge). */
export interface Listener {
  /** Resolves with the address that was taken. Throws a ListenError. */
  listen(address: Address): Promise<Address>;
  /** Takes no more connections and tells open ones to end after what they are doing. */
  close(): void;
  /** Cuts every connection; resolves when all are gone. */
  destroy(): Promise<void>;
  /** Open connections. */
  connections(): number;
}

/** Streams that may send all that they may ahead of what is read of the connection: the kernel and this process read it without delay, whoever reads the streams. */
const WINDOWS_PER_CONNECTION = 16;
/** How often connections are checked against the timeouts for headers and bodies. */
const CHECK_INTERVAL_MS = 1_000;
/** How often at most the log tells of connections that were refused: whoever makes them by the thousand is not to fill the disk. */
const TELL_REFUSED_MS = 10_000;
/** Connections that the kernel keeps waiting for the process to accept them. */
const BACKLOG = 1_024;

/**
 * Makes a listener. An `http.Server` owns the port, so that its tracking of slow and idle connections keeps working; a connection
 * goes to it or to the HTTP/2 server once its first bytes tell which of the two it speaks.
 */
export function createListener(options: ListenerOptions): Listener {
  const { limits, clock, log } = options;
  const sessions = createSessions(clock, limits);
  const sockets = new Set<Socket>();
  /** Those that speak HTTP/2: their sessions end them. */
  const multiplexed = new WeakSet<Socket>();
  const h1 = createHttp1Server(options);
  const h2 = createHttp2Server(options);
  h2.on("session", (session) => sessions.add(session));

  const serveHttp1 = h1.listeners("connection");
  h1.removeAllListeners("connection");
  h1.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", (error) => log.debug({ err: error.message }, "a connection failed"));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, limits.pingIntervalMs);
    sniffProtocol(socket, { clock, timeoutMs: limits.headersTimeoutMs }, (protocol) => {
      if (protocol === "http2") {
        // The HTTP/1.1 server lets its sockets be half open; an HTTP/2 connection that was then cut in an upload would never be freed.
        socket.allowHalfOpen = false;
        multiplexed.add(socket);
        h2.emit("connection", socket);
      }
      if (protocol !== "http1") return;
      for (const serve of serveHttp1) serve.call(h1, socket);
      // The HTTP/1.1 parser listens for data, and does not start a socket that was paused.
      socket.resume();
    });
  });
  let refused = 0;
  let toldMs = -Infinity;
  h1.on("drop", () => {
    refused++;
    const nowMs = clock.monotonic();
    if (nowMs - toldMs < TELL_REFUSED_MS) return;
    log.warn({ maxConnections: limits.maxConnections, refused }, "too many connections: some were refused");
    toldMs = nowMs;
    refused = 0;
  });

  return {
    listen: (address) => listenOn(h1, address),
    close() {
      h1.close();
      h1.closeIdleConnections();
      sessions.close();
    },
    async destroy() {
      sessions.destroy();
      const closed = h1.listening ? new Promise((resolve) => h1.close(resolve)) : undefined;
      const gone = [...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      // What a peer had sent by the time that it was told to go away is read and dropped: a connection that is closed over unread bytes is reset
      // (RFC 9293 §3.10.4), and the peer would not learn that nothing was done with them.
      for (const socket of sockets) if (limits.lingerMs === 0 || !multiplexed.has(socket)) socket.destroy();
      const cancel = clock.after(limits.lingerMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await Promise.all([closed, ...gone]);
      cancel();
    },
    connections: () => sockets.size,
  };
}

function createHttp1Server({ limits, handle, lane }: ListenerOptions): http.Server {
  const server = http.createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      // The body reader answers slow bodies itself; this ends the ones that nobody reads.
      requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs + CHECK_INTERVAL_MS,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false,
    },
    (request, response) => {
      if (refuseWithoutHost(request, response)) return;
      const slow = (): void => handle(request, response);
      if (!lane.http1(request, response, slow)) slow();
    },
  );
  server.maxConnections = limits.maxConnections;
  refuseBadHttp1(server);
  return server;
}

function createHttp2Server({ limits, log, handle, lane }: ListenerOptions): http2.Http2Server {
  const others = createStreamServer(handle);
  const server = http2.createServer({
    maxSessionMemory: limits.maxSessionMegabytes,
    settings: {
      maxConcurrentStreams: limits.maxStreamsPerConnection,
      maxHeaderListSize: MAX_HEADER_BYTES,
      initialWindowSize: limits.streamWindowBytes,
    },
  });
  server.on("session", (session) => {
    session.setLocalWindowSize(limits.streamWindowBytes * WINDOWS_PER_CONNECTION);
    renewStreamTables(session);
  });
  server.on("sessionError", (error: Error) =>
    log.debug({ err: error.message }, "an HTTP/2 connection failed"),
  );
  // A stream's error reaches its request through "close"; without a listener it would end the process.
  server.on("stream", (stream, headers, flags, rawHeaders) => {
    stream.on("error", ignore);
    const slow = (): void => void others.emit("stream", stream, headers, flags, rawHeaders);
    if (!lane.http2(stream, headers, slow)) slow();
  });
  server.on("timeout", () => undefined);
  return server;
}

/**
 * Serves streams that it is given, and listens nowhere: the objects that Node makes of a request and its response cost more than a small call, so that the
 * server of the connections has no listener for requests.
 */
function createStreamServer(handle: ListenerOptions["handle"]): http2.Http2Server {
  const server = http2.createServer();
  server.on("request", handle);
  refuseBadHttp2(server);
  return server;
}

function ignore(): void {
  // The request hears of it by its "close".
}

function listenOn(server: http.Server, address: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(addressText(address), error));
    server.once("error", onError);
    // Without a host Node takes all interfaces, also on a machine that has no IPv6.
    const host = address.host === ALL_INTERFACES ? {} : { host: address.host };
    server.listen({ ...host, port: address.port, backlog: BACKLOG }, () => {
      server.off("error", onError);
      server.on("error", () => undefined);
      const taken = server.address() as AddressInfo;
      resolve({ host: address.host === ALL_INTERFACES ? taken.address : address.host, port: taken.port });
    });
  });
}
