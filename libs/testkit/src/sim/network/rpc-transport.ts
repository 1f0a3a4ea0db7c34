import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

import type { Connection } from "./connection.ts";
import { Inbox } from "./inbox.ts";
import { ServedCall } from "./served-call.ts";

/** Messages of a stream that may be on their way to a client, or wait for it. */
const WINDOW = 16;
/** The client says so when it has taken this many. */
const WINDOW_UPDATE = 8;

/**
 * Connect's calls over one simulated connection: each message is encoded, sent and decoded, so that two processes share nothing. The server is held back by a
 * client that does not read. Nothing in it waits for real time.
 */
export function rpcTransport(connection: Connection): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const call = new ClientCall(connection, method, { signal, timeoutMs, header });
      call.ask(create(method.input, input));
      call.askNoMore();
      const answer = await call.answers.next();
      if (answer.done === true)
        throw new ConnectError("the call ended without an answer", Code.Unimplemented);
      // Ends with its trailer, or with why it failed.
      await call.answers.next();
      const { header: responseHeader, trailer } = await call.meta.promise;
      const message = fromBinary(method.output, answer.value);
      return { stream: false, service: method.parent, method, header: responseHeader, trailer, message };
    },
    async stream(method, signal, timeoutMs, header, input) {
      const call = new ClientCall(connection, method, { signal, timeoutMs, header });
      void pump(call, method, input);
      const { header: responseHeader, trailer } = await call.meta.promise;
      const message = decoded(call.answers, method.output);
      return { stream: true, service: method.parent, method, header: responseHeader, trailer, message };
    },
  };
}

/** How a call is made. */
export interface CallInit {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: ConstructorParameters<typeof Headers>[0];
}

/** One call, at the client's end. */
class ClientCall {
  readonly answers: Inbox<Uint8Array>;
  /** The headers, once the first of the answer has come. */
  readonly meta = Promise.withResolvers<{ readonly header: Headers; readonly trailer: Headers }>();
  readonly #connection: Connection;
  readonly #method: DescMethod;
  readonly #untune: (() => void)[] = [];
  #served: ServedCall | undefined;
  #taken = 0;
  #isOver = false;

  constructor(connection: Connection, method: DescMethod, { signal, timeoutMs, header }: CallInit) {
    this.#connection = connection;
    this.#method = method;
    this.meta.promise.catch(() => undefined);
    this.answers = new Inbox({ onTaken: () => this.#tookOne(), onLeft: () => this.#cancel() });
    const end = (code: Code, why: string): void => {
      this.#cancel();
      this.#end(new ConnectError(why, code));
    };
    const giveUp = (): void => end(Code.Canceled, "the caller gave it up");
    if (signal?.aborted === true) giveUp();
    if (this.#isOver) return;
    signal?.addEventListener("abort", giveUp, { once: true });
    if (timeoutMs !== undefined) {
      const late = (): void => end(Code.DeadlineExceeded, `no answer within ${timeoutMs} ms`);
      this.#untune.push(connection.caller.process.after(timeoutMs, late));
    }
    this.#untune.push(
      () => signal?.removeEventListener("abort", giveUp),
      connection.onLost("client", (why) => this.#end(new ConnectError(why, Code.Unavailable))),
    );
    const requestHeader = new Headers(header);
    connection.send("client", (listener) => {
      if (listener === undefined) return;
      const reply = {
        send: (bytes: Uint8Array, meta: Headers) =>
          connection.send("server", () => this.#answered(bytes, meta)),
        end: (error: ConnectError | undefined, meta: Headers, trailer: Headers) =>
          connection.send("server", () => this.#answeredLast(error, meta, trailer)),
      };
      this.#served = new ServedCall(
        { connection, listener, method, window: WINDOW, reply },
        { requestHeader, timeoutMs },
      );
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  ask(message: MessageShape<DescMessage>): void {
    const bytes = toBinary(this.#method.input, message);
    this.#connection.send("client", () => this.#served?.requests.push(bytes));
  }

  askNoMore(): void {
    this.#connection.send("client", () => this.#served?.requests.end());
  }

  #answered(bytes: Uint8Array, header: Headers): void {
    this.meta.resolve({ header, trailer: new Headers() });
    this.answers.push(bytes);
  }

  #answeredLast(error: ConnectError | undefined, header: Headers, trailer: Headers): void {
    if (error === undefined) this.meta.resolve({ header, trailer });
    this.#end(error);
  }

  #tookOne(): void {
    if (++this.#taken % WINDOW_UPDATE === 0)
      this.#connection.send("client", () => this.#served?.grant(WINDOW_UPDATE));
  }

  #cancel(): void {
    this.#connection.send("client", () => this.#served?.cancel());
  }

  #end(error: ConnectError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const untune of this.#untune) untune();
    if (error !== undefined) this.meta.reject(error);
    this.answers.end(error);
  }
}

async function pump<I extends DescMessage, O extends DescMessage>(
  call: ClientCall,
  method: DescMethodStreaming<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
): Promise<void> {
  try {
    for await (const message of input) {
      if (call.isOver) return;
      call.ask(create(method.input, message));
    }
    call.askNoMore();
  } catch {
    // Whoever fails to ask has given the call up.
  }
}

async function* decoded<O extends DescMessage>(
  answers: AsyncIterable<Uint8Array>,
  output: O,
): AsyncGenerator<MessageShape<O>> {
  for await (const bytes of answers) yield fromBinary(output, bytes);
}
