import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

import type { HeaderValues } from "./plain-headers.ts";
import type { Wire, WireListener } from "./wire.ts";

const OK = 200;
const WITH_TRAILERS = { waitForTrailers: true };

/** A request of HTTP/2. Its stream has somebody who listens for errors already. */
export class Http2Wire implements Wire {
  readonly source: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly #slow: () => void;
  #listener: WireListener | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, slow: () => void) {
    this.source = stream;
    this.headers = headers;
    this.#slow = slow;
  }

  get path(): string {
    return this.headers[":path"] ?? "";
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    this.source.on("data", this.#onData);
    this.source.on("end", this.#onEnd);
    this.source.on("close", this.#onClose);
  }

  answer(headers: HeaderValues, body: Uint8Array, trailers?: HeaderValues): void {
    const stream = this.source;
    if (stream.destroyed || stream.closed) return;
    const head = Object.assign({ ":status": OK }, headers);
    if (trailers === undefined) stream.respond(head);
    else {
      stream.respond(head, WITH_TRAILERS);
      stream.once("wantTrailers", () => sendTrailers(stream, trailers));
    }
    stream.end(body);
  }

  pass(): void {
    this.#listener = undefined;
    this.source.off("data", this.#onData);
    this.source.off("end", this.#onEnd);
    this.source.off("close", this.#onClose);
    this.#slow();
  }

  destroy(): void {
    // Without a code the client would take what it has for the whole.
    this.source.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  readonly #onData = (chunk: Uint8Array): void => this.#listener?.onChunk(chunk);
  // A stream that was reset before all had come says "end", too; its "close" follows.
  readonly #onEnd = (): void => {
    if (!this.source.aborted) this.#listener?.onEnd();
  };
  // A stream is kept by Node for a while, and would keep everything of its call.
  readonly #onClose = (): void => {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClose();
  };
}

/** Nobody could catch what is thrown here. A stream without its trailers is one that failed (gRPC over HTTP/2, "Responses"). */
function sendTrailers(stream: ServerHttp2Stream, trailers: HeaderValues): void {
  try {
    stream.sendTrailers(trailers);
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
