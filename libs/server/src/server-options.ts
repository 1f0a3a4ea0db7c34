import { type Options, option, repeated, type Values } from "./config/option.ts";
import { address, bytes, choice, integer, milliseconds, text } from "./config/value-type.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogLevel } from "./logger.ts";
import type { ServerConfig } from "./server.ts";

/** The largest request that may be allowed: it is held in memory whole, several times over. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** More than this no process of Node has memory for: it is there several times over. */
const MAX_HELD_BYTES = 4 * 1024 * 1024 * 1024;
const MAX_COUNT = 1_000_000;

const NETWORK = "Network";
const LIMITS = "Limits";
const LOGS = "Logs";

/** The options that every service has. */
export function serverOptions(defaults: { readonly listen: string; readonly logLevel: LogLevel }) {
  return {
    listen: option(address(), {
      help: "Where to listen; port 0 takes a free one",
      group: NETWORK,
      default: defaults.listen,
    }),
    corsOrigin: repeated(text("ORIGIN"), {
      help: "Web pages that may call, as in https://console.example; * is all of them",
      group: NETWORK,
      default: ["*"],
    }),
    maxBodyBytes: option(bytes({ min: 1, max: MAX_BODY_BYTES }), {
      help: "The largest request",
      group: LIMITS,
      default: "1MiB",
    }),
    maxHeldBytes: option(bytes({ min: 1, max: MAX_HELD_BYTES }), {
      help: "The most bytes of all requests under way; the process takes up to five times as many",
      group: LIMITS,
      default: "128MiB",
    }),
    maxConnections: count("The most open connections", DEFAULT_LIMITS.maxConnections),
    maxStreams: count(
      "The most open streams of one HTTP/2 connection",
      DEFAULT_LIMITS.maxStreamsPerConnection,
    ),
    maxRequests: count("The most requests under way", DEFAULT_LIMITS.maxRequests),
    headersTimeoutMs: duration(
      "How long a client may take to send the head of a request",
      DEFAULT_LIMITS.headersTimeoutMs,
    ),
    bodyTimeoutMs: duration(
      "How long a client may take to send the body of a request",
      DEFAULT_LIMITS.bodyTimeoutMs,
    ),
    idleTimeoutMs: duration(
      "How long a connection is kept between two requests",
      DEFAULT_LIMITS.keepAliveTimeoutMs,
    ),
    writeTimeoutMs: duration("How long a client may leave an answer unread", DEFAULT_LIMITS.writeStallMs),
    graceMs: duration(
      "How long requests may take to finish when the program is told to stop",
      DEFAULT_LIMITS.graceMs,
    ),
    logLevel: option(choice("LEVEL", LOG_LEVELS), {
      help: `How much is logged: ${LOG_LEVELS.join(", ")}`,
      group: LOGS,
      default: defaults.logLevel,
    }),
    logFormat: option(choice("FORMAT", LOG_FORMATS), {
      help: "Lines for people (pretty), for machines (json), or as fits where they go (auto)",
      group: LOGS,
      default: "auto",
    }),
  } satisfies Options;
}

/** The values of {@link serverOptions}. */
export type ServerValues = Values<ReturnType<typeof serverOptions>>;

/** The server's configuration out of the options' values. */
export function serverConfig(values: ServerValues): ServerConfig {
  return {
    listen: values.listen,
    corsOrigins: values.corsOrigin,
    limits: {
      maxRequestBytes: values.maxBodyBytes,
      maxHeldBytes: values.maxHeldBytes,
      maxConnections: values.maxConnections,
      maxStreamsPerConnection: values.maxStreams,
      maxRequests: values.maxRequests,
      headersTimeoutMs: values.headersTimeoutMs,
      bodyTimeoutMs: values.bodyTimeoutMs,
      keepAliveTimeoutMs: values.idleTimeoutMs,
      idleSessionMs: values.idleTimeoutMs,
      writeStallMs: values.writeTimeoutMs,
      graceMs: values.graceMs,
    },
  };
}

function count(help: string, value: number) {
  return option(integer({ min: 1, max: MAX_COUNT }), { help, group: LIMITS, default: value });
}

function duration(help: string, value: number) {
  return option(milliseconds(), { help, group: LIMITS, default: value });
}
