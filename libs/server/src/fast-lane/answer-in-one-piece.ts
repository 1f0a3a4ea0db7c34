import type { ServerHttp2Stream } from "node:http2";

import type { HeaderValues } from "./plain-headers.ts";

/** Trailers as Node hands them to its native part: it alone knows their form. */
type NativeTrailers = readonly unknown[];

/** The native part of a stream, which is Node's own and no part of what it promises. */
interface NativeStream {
  /** Has the trailers sent after what is under way; below 0 when they cannot be. */
  trailers(trailers: NativeTrailers): number;
}

/** What Node's streams call an encoding that is none; its types do not have it. */
const BYTES = "buffer" as BufferEncoding;

/**
 * Sends the body of an answer, and that it is all of it. Through `end(body)` a stream that has trailers learns of its end only when the body is on its way to
 * the socket, and looks for more to send in another turn of the event loop. To Node the stream is done before the body has left: it says "finish" at once, and
 * "close" when all frames are made, though the socket may have no room for them; and one whose request nobody reads is cut.
 *
 * @param onLeft Called when the socket has taken the body, or will not.
 */
export function sendBody(stream: ServerHttp2Stream, body: Uint8Array, onLeft: () => void): void {
  if (body.byteLength > 0 && !stream.destroyed) stream._write(body, BYTES, onLeft);
  else onLeft();
  stream.end();
}

/**
 * Sends the trailers of answers, of streams that ask for them. Node does so a turn of the event loop later, with a write of its own to the socket. Those of a call that went well
 * are the same for all, and are handed over while the body leaves, so that both leave with one write: the earliest moment that nghttp2 has for them
 * (https://github.com/nghttp2/nghttp2/issues/269). What is handed over was learnt from Node, when it sent them itself. Where its native part is
 * not found as it is known, Node goes on doing so; the tests tell for the versions of Node that they run with.
 */
export class AnswerTrailers {
  /** Where streams have their native part; null when it was not found. */
  #place: symbol | null | undefined;
  #learnt: NativeTrailers | undefined;

  /** Throws for trailers that HTTP/2 does not allow, and when they cannot be sent any more. */
  send(stream: ServerHttp2Stream, trailers: HeaderValues): void {
    const native = isSuccess(trailers) ? this.#nativeOf(stream) : undefined;
    if (native === undefined || this.#learnt === undefined) {
      if (native !== undefined) this.#learn(native);
      stream.sendTrailers(trailers);
      return;
    }
    const code = native.trailers(this.#learnt);
    if (code < 0) throw new Error(`the trailers cannot be sent: nghttp2 answers ${code}`);
  }

  #nativeOf(stream: ServerHttp2Stream): NativeStream | undefined {
    const parts = stream as unknown as Record<symbol, Partial<NativeStream> | undefined>;
    if (this.#place === undefined) {
      const isNative = (symbol: symbol): boolean => typeof parts[symbol]?.trailers === "function";
      this.#place = Object.getOwnPropertySymbols(stream).find(isNative) ?? null;
    }
    return this.#place === null ? undefined : (parts[this.#place] as NativeStream | undefined);
  }

  /** Node hands them over in a turn to come, by the method that the object has then. */
  #learn(native: NativeStream): void {
    const trailers = native.trailers.bind(native);
    native.trailers = (handed) => {
      this.#learnt = handed;
      return trailers(handed);
    };
  }
}

/** Whether these are the trailers of a call that went well, to which its method has added nothing. */
function isSuccess(trailers: HeaderValues): boolean {
  let isOnlyStatus = trailers["grpc-status"] === "0";
  for (const name in trailers) isOnlyStatus &&= name === "grpc-status";
  return isOnlyStatus;
}
