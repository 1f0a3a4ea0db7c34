import { create, isMessage, type Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { type BatchedStream, isBatched } from "@trellis/resource";

import { encodeBinary } from "./fast-lane/encode-binary.ts";
import { envelopedAll, onlyMessage } from "./fast-lane/envelope.ts";
import type { LaneHead } from "./fast-lane/lane-head.ts";
import type { StreamMethod } from "./fast-lane/lane-methods.ts";
import { failureOf } from "./interceptors.ts";
import type { ByteSink, FlowingBody } from "./flowing-body.ts";
import { KNOWN_FAILURE } from "./passed-requests.ts";
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

/**
 * Serves a method that answers with a stream, where its messages are protobuf in Connect or gRPC and nothing is compressed: each of them goes from the method to its bytes in one step, where
 * the protocol library takes ten. What is out of the ordinary, a request that breaks a rule or a method that fails before its first message, is left to the library's handler.
 */
export function binaryStreams(
  library: UniversalHandler,
  stream: StreamMethod,
  options: StreamOptions,
): UniversalHandler {
  const frames = new SharedFrames(stream);
  const serve = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const head = streamHead(request, stream.method, options);
    if (head === undefined) return await library(request);
    const { chunks, cut } = await collect(request.body as AsyncIterable<Uint8Array>);
    const body = replay(chunks, cut);
    const input = cut === undefined ? parse(stream, chunks) : undefined;
    if (input === undefined) return await library({ ...request, body });
    const call = new StreamCall({ stream, frames, head }, request, options);
    const failure = await call.start(input);
    if (failure === undefined) return call.response();
    const { responseHeader: header, responseTrailer: trailer } = call.context;
    request.contextValues?.set(KNOWN_FAILURE, { error: failure, header, trailer });
    return await library({ ...request, body });
  };
  return insteadOf(library, serve);
}

async function collect(
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly chunks: readonly Uint8Array[]; readonly cut: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk);
    return { chunks, cut: undefined };
  } catch (error) {
    return { chunks, cut: error };
  }
}

async function* replay(chunks: readonly Uint8Array[], cut: unknown): AsyncGenerator<Uint8Array> {
  yield* chunks;
  if (cut !== undefined) throw cut;
}

/** The one request; undefined when something is wrong with it. */
function parse({ serialization }: StreamMethod, chunks: readonly Uint8Array[]): Message | undefined {
  const message = onlyMessage(Buffer.concat(chunks));
  if (message === undefined) return undefined;
  try {
    return serialization.getI(true).parse(message);
  } catch {
    return undefined;
  }
}

/** More than this is made for each call: it would be kept until other messages come. */
const MAX_SHARED_BYTES = 1024 * 1024;

const NO_BYTES = new Uint8Array();

/** The bytes of messages, made once for all calls that send the same ones next, as the watches of one thing do. */
class SharedFrames {
  readonly #stream: StreamMethod;
  #messages: readonly Message[] = [];
  #bytes: Uint8Array = NO_BYTES;

  constructor(stream: StreamMethod) {
    this.#stream = stream;
  }

  /** The same where another call sent them last; undefined elsewhere. */
  known(messages: readonly Message[]): Uint8Array | undefined {
    const known = this.#messages;
    if (messages === known) return this.#bytes;
    if (messages.length !== known.length) return undefined;
    for (let at = 0; at < known.length; at++) if (messages[at] !== known[at]) return undefined;
    return this.#bytes;
  }

  of(messages: readonly Message[]): Uint8Array {
    const known = this.known(messages);
    if (known !== undefined) return known;
    const bytes = framesOf(this.#stream, messages);
    if (bytes.length <= MAX_SHARED_BYTES) {
      this.#bytes = bytes;
      this.#messages = messages;
    }
    return bytes;
  }
}

function framesOf({ method, serialization }: StreamMethod, messages: readonly Message[]): Uint8Array {
  const { serialize } = serialization.getO(true);
  const encoding = { schema: method.output, serialize };
  return envelopedAll(
    messages.map((message) =>
      encodeBinary(encoding, isMessage(message, method.output) ? message : create(method.output, message)),
    ),
  );
}

/** What a call needs to know of its method. */
interface StreamKind {
  readonly stream: StreamMethod;
  readonly frames: SharedFrames;
  readonly head: LaneHead;
}

/** One call, from its request to the end of its answers. */
class StreamCall implements AsyncIterableIterator<Uint8Array>, FlowingBody {
  readonly context: StreamContext;
  readonly #stream: StreamMethod;
  readonly #frames: SharedFrames;
  readonly #head: LaneHead;
  readonly #options: StreamOptions;
  #messages: AsyncIterator<Message> | undefined;
  /** The bytes of what comes next; undefined at the end. */
  #take: () => Promise<Uint8Array | undefined> = () => Promise.resolve(undefined);
  /** What is sent one by one. */
  #left: readonly Message[] = [];
  /** What `start` waited for. */
  #first: { readonly bytes: Uint8Array | undefined } | undefined;
  #isOver = false;

  constructor({ stream, frames, head }: StreamKind, request: UniversalServerRequest, options: StreamOptions) {
    this.#stream = stream;
    this.#frames = frames;
    this.#head = head;
    this.#options = options;
    this.context = streamContext(request, stream.method, head);
  }

  /** Waits for the first message, or the end: until then the method may set headers. Returns why there is neither. */
  async start(request: Message): Promise<ConnectError | undefined> {
    try {
      const messages = this.#stream.call(request, this.context)[Symbol.asyncIterator]();
      this.#messages = messages;
      this.#take = isBatched(messages) ? () => this.#batch(messages) : () => this.#message(messages);
      this.#first = { bytes: await this.#step() };
      return undefined;
    } catch (error) {
      this.#isOver = true;
      const failure = this.#failure(error);
      this.context.abort(failure);
      return failure;
    }
  }

  response(): UniversalServerResponse {
    return streamResponse(this.context, this.#head, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  flowTo(sink: ByteSink): void {
    const messages = this.#messages;
    if (messages === undefined || !isBatched(messages)) return;
    const frames = this.#frames;
    messages.flowTo((batch) => {
      const bytes = frames.known(batch) ?? this.#bytesOf(batch);
      return bytes !== undefined && sink.take(bytes);
    });
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      const bytes = this.#first === undefined ? await this.#step() : this.#first.bytes;
      this.#first = undefined;
      return bytes === undefined ? this.#end(undefined) : { done: false, value: bytes };
    } catch (error) {
      return this.#end(this.#failure(error));
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    this.context.abort();
    await this.#messages?.return?.();
    return { done: true, value: undefined };
  }

  async #step(): Promise<Uint8Array | undefined> {
    const bytes = await this.#take();
    if (bytes !== undefined) return bytes;
    throwPassedDeadline(this.context);
    return undefined;
  }

  async #batch(stream: BatchedStream<Message>): Promise<Uint8Array | undefined> {
    if (this.#left.length === 0) {
      const messages = await stream.nextBatch();
      if (messages === undefined) return undefined;
      if (messages.length > 0) return this.#bytesOf(messages) ?? (await this.#batch(stream));
    }
    const [left, ...others] = this.#left;
    this.#left = others;
    return left === undefined ? NO_BYTES : this.#frames.of([left]);
  }

  /** The bytes of messages; undefined when one of them cannot be written: those before it are sent all the same, one by one. */
  #bytesOf(messages: readonly Message[]): Uint8Array | undefined {
    try {
      return this.#frames.of(messages);
    } catch {
      this.#left = messages;
      return undefined;
    }
  }

  async #message(messages: AsyncIterator<Message>): Promise<Uint8Array | undefined> {
    const step = await messages.next();
    return step.done === true ? undefined : framesOf(this.#stream, [step.value]);
  }

  #failure(error: unknown): ConnectError {
    return failureOf(error, { method: this.#stream.method, signal: this.context.signal }, this.#options);
  }

  #end(error: ConnectError | undefined): IteratorResult<Uint8Array> {
    this.#isOver = true;
    this.context.abort(error);
    const last = lastWord(this.context, this.#head, { error, schemas: this.#options.schemas });
    return last === undefined ? { done: true, value: undefined } : { done: false, value: last };
  }
}
