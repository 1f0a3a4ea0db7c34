import type { DescMessage, Message } from "@bufbuild/protobuf";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { cutMessage, EnvelopeReader, type MessageCodec, messageCodecs } from "@trellis/resource/node";

import type { LaneHead } from "./fast-lane/lane-head.ts";
import type { BidiMethod } from "./fast-lane/lane-methods.ts";
import { failureOf } from "./interceptors.ts";
import {
  insteadOf,
  lastWord,
  type StreamContext,
  streamContext,
  streamHead,
  type StreamOptions,
  streamResponse,
  throwPassedDeadline,
} from "./stream-calls.ts";

/** No message is larger (the length in its envelope). */
const MAX_MESSAGE_BYTES = 0xffff_ffff;

/**
 * Serves a method in which both sides stream, where its messages are protobuf in Connect or gRPC and nothing is compressed: between a piece of the body and the method there is one step, where the
 * protocol library takes five, and as many on the way back. All other calls are left to the library's handler.
 */
export function bidiStreams(
  library: UniversalHandler,
  { method, call }: BidiMethod,
  options: StreamOptions,
): UniversalHandler {
  const { maxRequestBytes } = options.limits;
  const codecs = messageCodecs(method, { readMaxBytes: maxRequestBytes, writeMaxBytes: MAX_MESSAGE_BYTES });
  return insteadOf(library, async (request): Promise<UniversalServerResponse> => {
    const head = streamHead(request, method, options);
    if (head === undefined) return await library(request);
    const body = (request.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const requests = new IncomingMessages(
      body,
      codecs.input,
      new EnvelopeReader(maxRequestBytes, head.protocol.name === "grpc" ? 0 : endStreamFlag),
    );
    const answers = new BidiAnswers(
      { called: { method, call }, head, output: codecs.output },
      request,
      options,
    );
    return await answers.begin(requests);
  });
}

/** The messages of a request, as they come. */
class IncomingMessages implements AsyncIterableIterator<Message> {
  readonly #body: AsyncIterator<Uint8Array>;
  readonly #codec: MessageCodec<DescMessage>;
  readonly #reader: EnvelopeReader;
  #isOver = false;

  constructor(body: AsyncIterator<Uint8Array>, codec: MessageCodec<DescMessage>, reader: EnvelopeReader) {
    this.#body = body;
    this.#codec = codec;
    this.#reader = reader;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Nothing comes after an error or a return, although more has been read. */
  async next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      for (;;) {
        const bytes = this.#reader.next();
        if (bytes !== undefined) return { done: false, value: this.#codec.read(bytes) };
        const chunk = await this.#body.next();
        if (this.#isOver || chunk.done === true) break;
        this.#reader.push(chunk.value);
      }
      if (!this.#isOver && !this.#reader.isBetweenMessages) throw cutMessage();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#isOver = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    this.#isOver = true;
    await this.#body.return?.();
    return { done: true, value: undefined };
  }
}

/** What a call is answered by. */
interface Answering {
  readonly called: BidiMethod;
  readonly head: LaneHead;
  readonly output: MessageCodec<DescMessage>;
}

/** The bytes of what a method answers, each message in its envelope, and of how it ended. */
class BidiAnswers implements AsyncIterableIterator<Uint8Array> {
  readonly #answering: Answering;
  readonly #options: StreamOptions;
  readonly #context: StreamContext;
  #messages: AsyncIterator<Message> | undefined;
  /** What `begin` waited for. */
  #first: IteratorResult<Uint8Array> | undefined;
  #isOver = false;

  constructor(answering: Answering, request: UniversalServerRequest, options: StreamOptions) {
    this.#answering = answering;
    this.#options = options;
    this.#context = streamContext(request, answering.called.method, answering.head);
  }

  /** Waits for the first message, or the end: until then the method may set headers. */
  async begin(requests: AsyncIterable<Message>): Promise<UniversalServerResponse> {
    this.#first = await this.#step(() => {
      this.#messages = this.#answering.called.call(requests, this.#context)[Symbol.asyncIterator]();
      return this.#messages.next();
    });
    return streamResponse(this.#context, this.#answering.head, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first;
    this.#first = undefined;
    const messages = this.#messages;
    if (first !== undefined) return first;
    if (this.#isOver || messages === undefined) return { done: true, value: undefined };
    return await this.#step(() => messages.next());
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    this.#context.abort();
    await this.#messages?.return?.();
    return { done: true, value: undefined };
  }

  async #step(take: () => Promise<IteratorResult<Message>>): Promise<IteratorResult<Uint8Array>> {
    try {
      const result = await take();
      if (result.done !== true) return { done: false, value: this.#answering.output.envelope(result.value) };
      throwPassedDeadline(this.#context);
      return this.#end();
    } catch (error) {
      return this.#end(error);
    }
  }

  #end(thrown?: unknown): IteratorResult<Uint8Array> {
    const { called, head } = this.#answering;
    const { signal } = this.#context;
    const error =
      thrown === undefined ? undefined : failureOf(thrown, { method: called.method, signal }, this.#options);
    this.#isOver = true;
    this.#context.abort(error);
    // A method whose message could not be written waits to be asked for the next one.
    this.#messages?.return?.().catch(() => undefined);
    const last = lastWord(this.#context, head, { error, schemas: this.#options.schemas });
    return last === undefined ? { done: true, value: undefined } : { done: false, value: last };
  }
}
