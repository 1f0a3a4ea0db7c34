/** What one server takes, in bytes, milliseconds and counts. Every queue and wait of the listener ends at one of these. */
export interface ServerLimits {
  /** The largest request message or body, after decompression. */
  readonly maxRequestBytes: number;
  /**
   * Bytes of all requests that are held at once: what came of each, and came out of it when it was compressed, until it is answered. Past it a request
   * is answered with LIMIT_REACHED. While a request is served it is there twice, as bytes and as a message, and what reading it left behind waits for
   * the garbage collector: a process takes up to five times this bound. No less than four times `maxRequestBytes` counts.
   */
  readonly maxHeldBytes: number;
  /** The longest deadline that a caller may ask for; at most 2^31 - 1, the longest timer of the platform. */
  readonly maxTimeoutMs: number;
  /** How long a client may take to send its first bytes, or the headers of a request. */
  readonly headersTimeoutMs: number;
  /**
   * How long a client may take to send the whole body of a request that has one message, or the first message of a stream of them; and how long a later
   * message that has begun may be without another byte. Between its messages a stream may be silent for ever.
   */
  readonly bodyTimeoutMs: number;
  /** How long an HTTP/1.1 connection is kept between two requests. */
  readonly keepAliveTimeoutMs: number;
  /** How long an HTTP/2 connection is kept without a stream. */
  readonly idleSessionMs: number;
  /** Open connections; those beyond it are closed at once. */
  readonly maxConnections: number;
  /** Open streams on one HTTP/2 connection. */
  readonly maxStreamsPerConnection: number;
  /** What one HTTP/2 connection may take of this process's memory, in 10^6 bytes: past it new streams are refused. */
  readonly maxSessionMegabytes: number;
  /**
   * What a client may send of one stream ahead of what is read of it, in bytes (RFC 9113 §5.2). A stream that nobody reads yet takes this much memory, so
   * that more is for clients that are known.
   */
  readonly streamWindowBytes: number;
  /** Requests under way in the whole server; those beyond it are answered with LIMIT_REACHED. */
  readonly maxRequests: number;
  /** How often an HTTP/2 connection is asked whether its peer is still there. */
  readonly pingIntervalMs: number;
  /** How long a peer may take to answer a ping before the connection is given up. */
  readonly pingTimeoutMs: number;
  /** How long a client may leave a response unread before the response is given up. */
  readonly writeStallMs: number;
  /** How long requests under way may take to finish once the server stops. */
  readonly graceMs: number;
  /** How long a peer that was told to go away may take to close its side; 0 cuts it at once. */
  readonly lingerMs: number;
}

/** The limits of a server that is told nothing else. */
export const DEFAULT_LIMITS: ServerLimits = {
  maxRequestBytes: 1024 * 1024,
  maxHeldBytes: 128 * 1024 * 1024,
  maxTimeoutMs: 24 * 3_600_000,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  idleSessionMs: 600_000,
  maxConnections: 10_000,
  maxStreamsPerConnection: 1_000,
  maxSessionMegabytes: 64,
  streamWindowBytes: 65_535,
  maxRequests: 20_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 15_000,
  writeStallMs: 60_000,
  graceMs: 5_000,
  lingerMs: 500,
};
