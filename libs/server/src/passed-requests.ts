import {
  type ContextKey,
  type ConnectError,
  createContextKey,
  type HandlerContext,
} from "@connectrpc/connect";

import type { HeldBody } from "./held-bytes.ts";
import { isHttp2, type NodeRequest } from "./node-exchange.ts";
import type { RequestBody } from "./request-body.ts";

/** What the method has answered already: it is not called again. */
export interface KnownFailure {
  readonly error: ConnectError;
  /** The headers and trailers that it had set. */
  readonly header: Headers;
  readonly trailer: Headers;
}

/** What is known of a request by whoever began to serve it and passes it on. */
export interface PassedRequest {
  /** What came of the body. */
  readonly chunks: readonly Uint8Array[];
  /** Why nothing more is read of it; undefined when it is whole. */
  readonly cut?: ConnectError | undefined;
  readonly failure?: KnownFailure | undefined;
}

/** Where the gate finds what a method has answered already. */
export const KNOWN_FAILURE: ContextKey<KnownFailure | undefined> = createContextKey<KnownFailure | undefined>(
  undefined,
);

/** Throws it, with its headers and trailers set. */
export function throwKnownFailure(context: HandlerContext): void {
  const failure = context.values.get(KNOWN_FAILURE);
  if (failure === undefined) return;
  for (const [name, value] of failure.header) context.responseHeader.set(name, value);
  for (const [name, value] of failure.trailer) context.responseTrailer.set(name, value);
  throw failure.error;
}

/** The requests that are passed on with something known. */
export class PassedRequests {
  readonly #passed = new WeakMap<object, PassedRequest>();

  /** `source` is the stream of HTTP/2 or the message of HTTP/1.1. */
  note(source: object, passed: PassedRequest): void {
    this.#passed.set(source, passed);
  }

  of(request: NodeRequest): PassedRequest | undefined {
    return this.#passed.get(isHttp2(request) ? request.stream : request);
  }
}

/** The body of a passed request, as far as it came. */
export function passedBody({ chunks, cut }: PassedRequest, held: HeldBody): RequestBody {
  return {
    async *[Symbol.asyncIterator]() {
      for (const chunk of chunks) {
        held.take(chunk.byteLength);
        yield chunk;
      }
      if (cut !== undefined) throw cut;
    },
    close: () => undefined,
  };
}
