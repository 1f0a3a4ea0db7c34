import type { ConnectRouter } from "@connectrpc/connect";
import { systemClock } from "@trellis/resource";
import { eventually as within } from "@trellis/testkit";

import type { HttpRoute, Part } from "../part.ts";
import { createServer, type Server, type ServerConfig, type ServerOptions } from "../server.ts";
import type { ServerLog } from "../log.ts";

/** A line of the log, as a test looks at it. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

/** A log that remembers. */
export function memoryLog(): ServerLog & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: object, message: string) =>
    void lines.push({ level, message, fields });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A part that is nothing but what the test says. */
export function testPart(
  part: Partial<Part> & { readonly connect?: (router: ConnectRouter) => void } = {},
): Part {
  const { connect, ...given } = part;
  return {
    name: "test",
    routes: connect === undefined ? {} : { connect },
    start: async () => undefined,
    stop: async () => undefined,
    ...given,
  };
}

/** A part with plain routes. */
export function routesPart(routes: Readonly<Record<string, HttpRoute["handle"]>>): Part {
  const http = Object.entries(routes).map(([prefix, handle]) => ({ prefix, handle }));
  return testPart({ name: "routes", routes: { http } });
}

/** A server on a port of the loopback. */
export interface RunningServer {
  readonly server: Server;
  readonly url: string;
  readonly port: number;
  readonly log: ReturnType<typeof memoryLog>;
}

const running = new Set<Server>();

/** Starts a server; {@link stopServers} stops it after the test. */
export async function startServer(
  parts: readonly Part[],
  options: Omit<ServerConfig, "listen"> & Partial<Pick<ServerOptions, "clock" | "commonHeaders">> = {},
  port = 0,
): Promise<RunningServer> {
  const { clock = systemClock, commonHeaders, ...config } = options;
  const log = memoryLog();
  const listen = { host: "127.0.0.1", port };
  const server = createServer({ parts, config: { listen, ...config }, log, clock, commonHeaders });
  running.add(server);
  const { url } = await server.start();
  return { server, url, port: Number(new URL(url).port), log };
}

/** Stops every server that a test has started. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
  running.clear();
}

/** A promise that is settled from outside. */
export function deferred<T = void>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

const CLOSED_WITHIN_MS = 2_000;

/** Tries again until it holds: real sockets close in real time. */
export const eventually = (check: () => void): Promise<void> => within(check, CLOSED_WITHIN_MS);
