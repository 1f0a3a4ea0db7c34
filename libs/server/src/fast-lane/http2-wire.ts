import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

import { AnswerTrailers, sendBody } from "./answer-in-one-piece.ts";
import type { HeaderValues } from "./plain-headers.ts";
import type { Wire, WireListener } from "./wire.ts";

const OK = "200";
const WITH_TRAILERS = { waitForTrailers: true };

/** What is learnt of Node once holds for all streams of the process. */
const answerTrailers = new AnswerTrailers();

/** Node 24.7 and newer take headers in a list; of an object it makes another one first. */
const TAKES_LISTS = isSince(24, 7);

/** Where a stream has its wire: its listeners are the same functions for all streams, since functions for each cost more than what they do. */
const WIRE = Symbol("wire");

type WiredStream = ServerHttp2Stream & { [WIRE]?: Http2Wire | undefined };

/** A request of HTTP/2. Its stream has somebody who listens for errors already. */
export class Http2Wire implements Wire {
  readonly source: WiredStream;
  readonly headers: IncomingHttpHeaders;
  readonly #slow: () => void;
  #listener: WireListener | undefined;
  #trailers: HeaderValues | undefined;
  /** The socket has not taken the body yet: the answer is under way although its stream may be closed. */
  #isLeaving = false;
  #isClosed = false;

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
    this.source[WIRE] = this;
    this.source.on("data", onData);
    this.source.on("end", onEnd);
    this.source.on("close", onClose);
  }

  answer(headers: HeaderValues, body: Uint8Array, trailers?: HeaderValues): void {
    const stream = this.source;
    if (stream.destroyed || stream.closed) return;
    const head = TAKES_LISTS ? listOf(headers) : { ":status": OK, ...headers };
    if (trailers === undefined) stream.respond(head);
    else {
      stream.respond(head, WITH_TRAILERS);
      this.#trailers = trailers;
      stream.on("wantTrailers", onWantTrailers);
    }
    this.#isLeaving = true;
    sendBody(stream, body, () => this.#left());
  }

  pass(): void {
    this.#listener = undefined;
    this.source[WIRE] = undefined;
    this.source.off("data", onData);
    this.source.off("end", onEnd);
    this.source.off("close", onClose);
    this.#slow();
  }

  destroy(): void {
    // Without a code the client would take what it has for the whole.
    this.source.close(constants.NGHTTP2_INTERNAL_ERROR);
    // Frames that wait for the socket cannot be taken back.
    this.#left();
  }

  chunk(chunk: Uint8Array): void {
    this.#listener?.onChunk(chunk);
  }

  end(): void {
    // A stream that was reset before all had come says "end", too; its "close" follows.
    if (!this.source.aborted) this.#listener?.onEnd();
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#isLeaving) this.#tellClosed();
  }

  #left(): void {
    this.#isLeaving = false;
    if (this.#isClosed) this.#tellClosed();
  }

  #tellClosed(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClose();
  }

  /** Nobody could catch what is thrown here. A stream without its trailers is one that failed (gRPC over HTTP/2, "Responses"). */
  sendTrailers(): void {
    try {
      answerTrailers.send(this.source, this.#trailers ?? {});
    } catch {
      this.source.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }
}

/** Names and values by turns. */
function listOf(headers: HeaderValues): string[] {
  const list = [":status", OK];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "string") list.push(name, value);
    else for (const one of value ?? []) list.push(name, one);
  }
  return list;
}

function isSince(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function onData(this: WiredStream, chunk: Uint8Array): void {
  this[WIRE]?.chunk(chunk);
}

function onEnd(this: WiredStream): void {
  this[WIRE]?.end();
}

function onClose(this: WiredStream): void {
  this[WIRE]?.close();
}

function onWantTrailers(this: WiredStream): void {
  this[WIRE]?.sendTrailers();
}
