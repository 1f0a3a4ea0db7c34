import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, createHandlerContext, type HandlerContext } from "@connectrpc/connect";

import type { Connection } from "./connection.ts";
import { Inbox } from "./inbox.ts";
import type { Listener } from "./listeners.ts";

/** What a call is served with. */
export interface ServedCallParts {
  readonly connection: Connection;
  readonly listener: Listener;
  readonly method: DescMethod;
  /** Answers that may be on their way at first. */
  readonly window: number;
  /** Sends to the client. */
  readonly reply: {
    send(bytes: Uint8Array, header: Headers): void;
    end(error: ConnectError | undefined, header: Headers, trailer: Headers): void;
  };
}

type Message = MessageShape<DescMessage>;
type Implementation = (input: unknown, context: HandlerContext) => Promise<Message> | AsyncIterable<Message>;

/** One call, at the server's end: runs the implementation in the server's process. */
export class ServedCall {
  readonly requests = new Inbox<Uint8Array>();
  readonly #parts: ServedCallParts;
  readonly #context;
  readonly #untune: () => void;
  #room: number;
  #wake: () => void = () => undefined;

  constructor(
    parts: ServedCallParts,
    { requestHeader, timeoutMs }: { readonly requestHeader: Headers; readonly timeoutMs: number | undefined },
  ) {
    const { connection, listener, method, window } = parts;
    this.#parts = parts;
    this.#room = window;
    const { process } = listener;
    const context = createHandlerContext({
      service: method.parent,
      method,
      protocolName: "grpc",
      requestMethod: "POST",
      url: `http://${process.name}/${method.parent.typeName}/${method.name}`,
      requestHeader,
    });
    const untilMs = timeoutMs === undefined ? undefined : process.monotonic() + timeoutMs;
    // A deadline is the server's own to keep: the context itself would keep it in real time.
    const left = (): number | undefined =>
      untilMs === undefined ? undefined : untilMs - process.monotonic();
    this.#context = Object.assign(context, { timeoutMs: left });
    const untune = connection.onLost("server", () => this.cancel());
    const over = connection.opened(this);
    this.#untune = () => {
      untune();
      over();
    };
    void this.#run();
  }

  /** The client has taken so many answers. */
  grant(count: number): void {
    this.#room += count;
    this.#wake();
  }

  /** The client is not interested any more, or not there. */
  cancel(): void {
    const reason = new ConnectError("the client gave the call up", Code.Canceled);
    this.#context.abort(reason);
    this.requests.end(reason);
    this.#room = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { method, reply } = this.#parts;
    const { responseHeader, responseTrailer } = this.#context;
    let error: ConnectError | undefined;
    try {
      if (method.methodKind === "unary" || method.methodKind === "server_streaming") await this.#answerOne();
      else await this.#answerMany(this.#implementation(decoded(this.requests, method.input), this.#context));
    } catch (failure) {
      error = ConnectError.from(failure, Code.Internal);
    }
    this.#untune();
    reply.end(error, new Headers(responseHeader), new Headers(responseTrailer));
  }

  get #implementation(): Implementation {
    const { listener, method } = this.#parts;
    const found = listener.services.get(method.parent.typeName)?.[method.localName] as
      Implementation | undefined;
    if (found === undefined)
      throw new ConnectError(`${method.parent.typeName}.${method.name} is not served`, Code.Unimplemented);
    return found;
  }

  async #answerOne(): Promise<void> {
    const { method } = this.#parts;
    const asked = await this.requests.next();
    if (asked.done === true) throw new ConnectError("the call ended without a request", Code.InvalidArgument);
    const answer = this.#implementation(fromBinary(method.input, asked.value), this.#context);
    if (Symbol.asyncIterator in answer) await this.#answerMany(answer);
    else this.#send(await answer);
  }

  async #answerMany(answers: Promise<Message> | AsyncIterable<Message>): Promise<void> {
    for await (const message of answers as AsyncIterable<Message>) {
      this.#send(message);
      while (this.#room <= 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #send(message: Message): void {
    const { method, reply } = this.#parts;
    this.#room--;
    const header = new Headers(this.#context.responseHeader);
    reply.send(toBinary(method.output, create(method.output, message)), header);
  }
}

async function* decoded(requests: AsyncIterable<Uint8Array>, input: DescMessage): AsyncGenerator<Message> {
  for await (const bytes of requests) yield fromBinary(input, bytes);
}
