import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import type { HeaderValues } from "./plain-headers.ts";
import type { Wire, WireListener } from "./wire.ts";

const OK = 200;

/** A request of HTTP/1.1. */
export class Http1Wire implements Wire {
  readonly source: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #slow: () => void;
  readonly #endsConnection: () => boolean;
  #listener: WireListener | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: {
      readonly slow: () => void;
      /** Whether the connection is to end with this answer. */
      readonly endsConnection: () => boolean;
    },
  ) {
    this.source = request;
    this.#response = response;
    this.#slow = options.slow;
    this.#endsConnection = options.endsConnection;
  }

  get headers(): IncomingHttpHeaders {
    return this.source.headers;
  }

  get path(): string {
    return this.source.url ?? "";
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    this.source.on("data", this.#onData);
    this.source.on("end", this.#onEnd);
    this.source.on("error", ignore);
    this.#response.on("error", ignore);
    this.#response.on("close", this.#onClose);
  }

  answer(headers: HeaderValues, body: Uint8Array): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#endsConnection()) response.setHeader("connection", "close");
    response.writeHead(OK, headers);
    response.end(body);
  }

  pass(): void {
    this.#listener = undefined;
    this.source.off("data", this.#onData);
    this.source.off("end", this.#onEnd);
    this.#response.off("close", this.#onClose);
    this.#slow();
  }

  destroy(): void {
    this.#response.destroy();
  }

  readonly #onData = (chunk: Uint8Array): void => this.#listener?.onChunk(chunk);
  readonly #onEnd = (): void => this.#listener?.onEnd();
  readonly #onClose = (): void => this.#listener?.onClose();
}

function ignore(): void {
  // What fails closes the response, which is heard.
}
