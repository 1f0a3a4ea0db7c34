import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";

import type {
  DescMessage,
  DescMethodBiDiStreaming,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import {
  headerEncoding,
  headerGrpcStatus,
  requestHeader,
  validateResponse,
  validateTrailer,
} from "@connectrpc/connect/protocol-grpc";

import { cutMessage, EnvelopeReader } from "./envelopes.ts";
import { type MessageCodec, messageCodecs } from "./message-forms.ts";
import { closedError, streamError } from "./stream-errors.ts";

/** Bytes that came of a stream while nobody waits for its next message; past them the network is held back. */
const WAITING_BYTES = 64 * 1024;

/** What calls are made over. */
export interface StreamingCallDeps {
  /** Keeps the connection: opens it, asks whether it lives, and closes it when it is idle. */
  readonly sessions: Http2SessionManager;
  /** Of one message, each way. */
  readonly maxMessageBytes: number;
}

/** What a call is made with. */
export interface StreamingCallInit<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodBiDiStreaming<I, O>;
  readonly signal: AbortSignal | undefined;
  readonly header: ConstructorParameters<typeof Headers>[0];
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: ConnectError) => void;
}

/**
 * One call of gRPC in which both sides stream, straight over Node's HTTP/2: a message is one write, and what comes is cut into messages as it comes. To the server it is a call of the library. The
 * messages of the answer have one reader, that waits for one of them at a time.
 */
export class StreamingCall<I extends DescMessage, O extends DescMessage> {
  readonly #deps: StreamingCallDeps;
  readonly #init: StreamingCallInit<I, O>;
  readonly #input: MessageCodec<I>;
  readonly #output: MessageCodec<O>;
  readonly #reader: EnvelopeReader;
  readonly #responded = Promise.withResolvers<Headers>();
  readonly #header = new Headers();
  readonly #trailer = new Headers();
  #stream: ClientHttp2Stream | undefined;
  #waiter: Waiter<MessageShape<O>> | undefined;
  /** Goes on sending; there while the network takes no more. */
  #goOn: (() => void) | undefined;
  /** Whether the status came with the headers, and no trailers follow. */
  #hasStatus = false;
  #hasEnded = false;
  #isOver = false;
  #failure: ConnectError | undefined;

  constructor(deps: StreamingCallDeps, init: StreamingCallInit<I, O>) {
    const { maxMessageBytes } = deps;
    this.#deps = deps;
    this.#init = init;
    const codecs = messageCodecs<I, O>(init.method, {
      readMaxBytes: maxMessageBytes,
      writeMaxBytes: maxMessageBytes,
    });
    this.#input = codecs.input;
    this.#output = codecs.output;
    this.#reader = new EnvelopeReader(maxMessageBytes);
    this.#responded.promise.catch(() => undefined);
  }

  /** Sends what it is given, and resolves when the server has said that it answers. */
  async open(input: AsyncIterable<MessageInitShape<I>>): Promise<StreamResponse<I, O>> {
    const { method, signal, header } = this.#init;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
    else {
      const headers = Object.fromEntries(requestHeader(true, undefined, header));
      this.#deps.sessions.request("POST", `/${method.parent.typeName}/${method.name}`, headers, {}).then(
        (stream) => this.#begin(stream, input),
        (error: unknown) => this.#fail(streamError(error)),
      );
    }
    await this.#responded.promise;
    return {
      stream: true,
      service: method.parent,
      method,
      header: this.#header,
      trailer: this.#trailer,
      message: { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) },
    };
  }

  #begin(stream: ClientHttp2Stream, input: AsyncIterable<MessageInitShape<I>>): void {
    this.#stream = stream;
    stream.on("error", (error) => this.#fail(streamError(error)));
    if (this.#failure !== undefined) {
      this.#reset(this.#failure);
      return;
    }
    stream.on("response", (headers) => this.#onResponse(headers));
    stream.on("trailers", (trailers) => copyHeaders(trailers, this.#trailer));
    stream.on("data", (chunk: Uint8Array) => this.#onData(stream, chunk));
    stream.on("end", () => this.#onEnd(stream));
    stream.on("drain", () => this.#wakeSender());
    stream.on("close", () => {
      if (!this.#hasEnded) this.#fail(closedError(stream.rstCode));
      this.#wakeSender();
    });
    void this.#send(stream, input);
  }

  async #send(stream: ClientHttp2Stream, input: AsyncIterable<MessageInitShape<I>>): Promise<void> {
    try {
      for await (const message of input) {
        if (this.#isOver || stream.destroyed || stream.closed) return;
        const hasRoom = stream.write(this.#input.envelope(message));
        if (!hasRoom) await this.#drained();
      }
      if (!this.#isOver && !stream.destroyed) stream.end();
    } catch (error) {
      this.#fail(ConnectError.from(error));
    }
  }

  /** Resolves once the network takes more, or nothing. */
  async #drained(): Promise<void> {
    const stream = this.#stream;
    while (!this.#isOver && stream?.writableNeedDrain === true && !stream.destroyed && !stream.closed)
      await new Promise<void>((resolve) => (this.#goOn = resolve));
  }

  #wakeSender(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  #onResponse(headers: IncomingHttpHeaders): void {
    copyHeaders(headers, this.#header);
    try {
      const { foundStatus, headerError } = validateResponse(Number(headers[":status"]), this.#header);
      const encoding = this.#header.get(headerEncoding);
      if (encoding !== null && encoding.toLowerCase() !== "identity")
        throw new ConnectError(`unsupported response encoding "${encoding}"`, Code.Internal, this.#header);
      if (headerError !== undefined) throw headerError;
      this.#hasStatus = foundStatus;
      this.#responded.resolve(this.#header);
    } catch (error) {
      this.#fail(ConnectError.from(error));
    }
  }

  #onData(stream: ClientHttp2Stream, chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#deps.sessions.notifyResponseByteRead(stream);
    this.#reader.push(chunk);
    this.#give();
    if (this.#waiter === undefined && this.#reader.waitingBytes > WAITING_BYTES) stream.pause();
  }

  /** A stream that is reset says "end", too. */
  #onEnd({ rstCode }: ClientHttp2Stream): void {
    const isWhole = this.#hasStatus || this.#trailer.has(headerGrpcStatus);
    if (!isWhole && rstCode !== undefined && rstCode !== constants.NGHTTP2_NO_ERROR) {
      this.#fail(closedError(rstCode));
      return;
    }
    this.#hasEnded = true;
    this.#give();
  }

  #next(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#give();
      if (this.#waiter !== undefined && this.#stream?.isPaused() === true) this.#stream.resume();
    });
  }

  /** Gives the next message, the end or the failure to whoever waits for it, once it is there. */
  #give(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    if (this.#failure === undefined) {
      try {
        const result = this.#take();
        if (result === undefined) return;
        this.#waiter = undefined;
        waiter.resolve(result);
        return;
      } catch (error) {
        this.#fail(ConnectError.from(error));
      }
    }
    this.#waiter = undefined;
    if (this.#failure !== undefined) waiter.reject(this.#failure);
  }

  #take(): IteratorResult<MessageShape<O>, undefined> | undefined {
    const bytes = this.#isOver ? undefined : this.#reader.next();
    if (bytes !== undefined) return { done: false, value: this.#output.read(bytes) };
    if (!this.#hasEnded) return undefined;
    if (!this.#isOver) {
      if (!this.#reader.isBetweenMessages) throw cutMessage();
      if (!this.#hasStatus) validateTrailer(this.#trailer, this.#header);
      this.#finish();
      // The server waits for the end of a stream that it has answered.
      if (this.#stream?.writableEnded === false && !this.#stream.destroyed) this.#stream.end();
    }
    return { done: true, value: undefined };
  }

  readonly #onAbort = (): void => this.#fail(ConnectError.from(this.#init.signal?.reason, Code.Canceled));

  #fail(error: ConnectError): void {
    if (this.#isOver) return;
    this.#failure = error;
    this.#finish();
    this.#responded.reject(error);
    this.#reset(error);
    this.#give();
  }

  #finish(): void {
    this.#isOver = true;
    this.#init.signal?.removeEventListener("abort", this.#onAbort);
    this.#wakeSender();
  }

  #reset({ code }: ConnectError): void {
    if (this.#stream === undefined || this.#stream.closed) return;
    this.#stream.close(code === Code.Canceled ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** All but HTTP/2's pseudo headers. */
function copyHeaders(from: IncomingHttpHeaders, to: Headers): void {
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of [value].flat()) to.append(name, one);
  }
}
