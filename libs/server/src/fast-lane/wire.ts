import type { IncomingHttpHeaders } from "node:http";
import type { HeaderValues } from "./plain-headers.ts";

/** Who is told what comes of a request. */
export interface WireListener {
  /** A piece of the body. */
  onChunk(chunk: Uint8Array): void;
  /** The body is whole. */
  onEnd(): void;
  /** Nothing more comes or goes: the answer is on its way, or the client went away. */
  onClose(): void;
}

/** One request with its answer, whichever version of HTTP carries it. */
export interface Wire {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  /** What a request is known by when it is passed on. */
  readonly source: object;
  listen(listener: WireListener): void;
  /** Sends the whole answer. Does nothing when the client is gone. */
  answer(headers: HeaderValues, body: Uint8Array, trailers?: HeaderValues): void;
  /** Tells nobody any more, and lets others serve the request. */
  pass(): void;
  /** Cuts the stream, or the connection of HTTP/1.1. */
  destroy(): void;
}
