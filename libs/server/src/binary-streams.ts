import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { type BatchedStream, isBatched } from "@trellis/resource";

import { encodeBinary } from "./fast-lane/encode-binary.ts";
import { enveloped, envelopedAll, onlyMessage } from "./fast-lane/envelope.ts";
import { type LaneHead, readLaneHead, STREAM_PROTOCOLS } from "./fast-lane/lane-head.ts";
import type { StreamMethod } from "./fast-lane/lane-methods.ts";
import { failureOf, type InterceptorOptions } from "./interceptors.ts";
import type { FlowingBody } from "./flowing-body.ts";
import type { ServerLimits } from "./limits.ts";
import { KNOWN_FAILURE } from "./passed-requests.ts";
import { jsonOptions, type RpcLimits } from "./rpc-options.ts";

/** What the streams of a server share. */
export interface BinaryStreamOptions extends InterceptorOptions, RpcLimits {
  readonly limits: ServerLimits;
  readonly isStarted: (service: string) => boolean;
}

/**
 * Serves a method that answers with a stream, where its messages are protobuf in Connect or gRPC and nothing is compressed: each of them goes from the method to its bytes in one step, where
 * the protocol library takes ten. What is out of the ordinary, a request that breaks a rule or a method that fails before its first message, is left to the library's handler.
 */
export function binaryStreams(
  library: UniversalHandler,
  stream: StreamMethod,
  options: BinaryStreamOptions,
): UniversalHandler {
  const frames = new SharedFrames(stream);
  const serve = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const head = headOf(request, stream, options);
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
  return Object.assign(serve, {
    protocolNames: library.protocolNames,
    allowedMethods: library.allowedMethods,
    supportedContentType: library.supportedContentType,
    requestPath: library.requestPath,
    service: library.service,
    method: library.method,
  });
}

function headOf(
  { method, header, httpVersion }: UniversalServerRequest,
  stream: StreamMethod,
  { limits, isStarted }: BinaryStreamOptions,
): LaneHead | undefined {
  if (method !== "POST" || !isStarted(stream.method.parent.typeName)) return undefined;
  const head = readLaneHead(Object.fromEntries(header), limits, STREAM_PROTOCOLS);
  if (head === undefined || head.compression !== null) return undefined;
  return head.protocol.name === "grpc" && !httpVersion.startsWith("2") ? undefined : head;
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
  readonly context: HandlerContext & { abort(reason?: unknown): void };
  readonly #stream: StreamMethod;
  readonly #frames: SharedFrames;
  readonly #head: LaneHead;
  readonly #options: BinaryStreamOptions;
  #messages: AsyncIterator<Message> | undefined;
  /** The bytes of what comes next; undefined at the end. */
  #take: () => Promise<Uint8Array | undefined> = () => Promise.resolve(undefined);
  /** What is sent one by one. */
  #left: readonly Message[] = [];
  /** What `start` waited for. */
  #first: { readonly bytes: Uint8Array | undefined } | undefined;
  #isOver = false;

  constructor(
    { stream, frames, head }: StreamKind,
    { header, signal, url, contextValues }: UniversalServerRequest,
    options: BinaryStreamOptions,
  ) {
    this.#stream = stream;
    this.#frames = frames;
    this.#head = head;
    this.#options = options;
    const { method } = stream;
    const isGrpc = head.protocol.name === "grpc";
    this.context = createHandlerContext({
      service: method.parent,
      method,
      protocolName: head.protocol.name,
      requestMethod: "POST",
      url,
      requestHeader: header,
      requestSignal: signal,
      responseHeader: { "content-type": head.protocol.contentType },
      responseTrailer: isGrpc ? { "grpc-status": "0" } : {},
      ...(head.timeoutMs !== undefined && { timeoutMs: head.timeoutMs }),
      ...(contextValues !== undefined && { contextValues }),
    });
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
    const { responseHeader: header, responseTrailer: trailer } = this.context;
    return this.#head.protocol.name === "grpc"
      ? { status: 200, header, trailer, body: this }
      : { status: 200, header, body: this };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  flowTo(sink: (bytes: Uint8Array) => boolean): void {
    const messages = this.#messages;
    if (messages === undefined || !isBatched(messages)) return;
    const frames = this.#frames;
    messages.flowTo((batch) => {
      const bytes = frames.known(batch) ?? this.#bytesOf(batch);
      return bytes !== undefined && sink(bytes);
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
    // A method may end quietly when it is told that the time is up: its caller would take that for the end of what there is.
    const { signal } = this.context;
    if (signal.aborted && ConnectError.from(signal.reason).code === Code.DeadlineExceeded)
      throw signal.reason;
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

  /** Tells the end, and what went wrong: gRPC in its trailers, Connect in a last envelope. */
  #end(error: ConnectError | undefined): IteratorResult<Uint8Array> {
    this.#isOver = true;
    this.context.abort(error);
    const trailer = this.context.responseTrailer;
    if (this.#head.protocol.name === "grpc") {
      if (error !== undefined) setTrailerStatus(trailer, error);
      return { done: true, value: undefined };
    }
    const end = JSON.stringify(endStreamToJson(trailer, error, jsonOptions(this.#options.schemas)));
    return { done: false, value: enveloped(Buffer.from(end), endStreamFlag) };
  }
}
