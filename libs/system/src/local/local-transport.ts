import {
  create,
  type DescMessage,
  type DescMethod,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextValues,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import type { Clock } from "@trellis/resource";

import { withOwnBytes } from "./own-bytes.ts";

type Implementation = (request: Message, context: HandlerContext) => unknown;

/** What a call within the process is made with. */
export interface LocalTransportOptions {
  readonly clock: Clock;
  /** What each call waits for before it begins. */
  readonly before: () => Promise<void>;
}

/**
 * Calls services of this process as through a wire, and without one: no bytes are made of messages, and none are parsed. What a wire does for the two sides it does
 * too: deadlines, the end of a call for both, headers on answers and errors, and no bytes that both could change. Calls with more than one request are not implemented.
 */
export function createLocalTransport(
  routes: (router: ConnectRouter) => unknown,
  options: LocalTransportOptions,
): Transport {
  const implementations = implementationsOf(routes);
  const find = (method: DescMethod): Implementation => {
    const found = implementations.get(method);
    if (found === undefined)
      throw new ConnectError(
        `${method.parent.typeName}/${method.name} is not served here`,
        Code.Unimplemented,
      );
    return found;
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const call = new LocalCall(method, options.clock, { signal, timeoutMs, header, contextValues });
      try {
        await call.orEnded(options.before());
        const run = async () => await find(method)(create(method.input, input), call.context);
        const message = ownOutput(method, await call.orEnded(run()));
        const { responseHeader, responseTrailer } = call.context;
        return {
          stream: false,
          service: method.parent,
          method,
          header: responseHeader,
          trailer: responseTrailer,
          message: message as never,
        };
      } catch (error) {
        throw call.errorOf(error);
      } finally {
        call.end();
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const call = new LocalCall(method, options.clock, { signal, timeoutMs, header, contextValues });
      try {
        if (method.methodKind !== "server_streaming")
          throw new ConnectError(`${method.name}: one request is expected`, Code.Unimplemented);
        await call.orEnded(options.before());
        const request = create(method.input, await onlyOne(input));
        const answers = await call.answersOf(find(method)(request, call.context) as AsyncIterable<Message>);
        const { responseHeader, responseTrailer } = call.context;
        return {
          stream: true,
          service: method.parent,
          method,
          header: responseHeader,
          trailer: responseTrailer,
          message: call.each(answers, method) as never,
        };
      } catch (error) {
        call.end();
        throw call.errorOf(error);
      }
    },
  };
}

/** What is served, by method. */
function implementationsOf(
  routes: (router: ConnectRouter) => unknown,
): ReadonlyMap<DescMethod, Implementation> {
  const found = new Map<DescMethod, Implementation>();
  const router = {
    handlers: [],
    service(service, implementation) {
      for (const method of service.methods) {
        const run = (implementation as Readonly<Record<string, Implementation | undefined>>)[
          method.localName
        ];
        if (run !== undefined) found.set(method, run.bind(implementation));
      }
      return router;
    },
    rpc(method, implementation) {
      found.set(method, implementation as Implementation);
      return router;
    },
  } as ConnectRouter;
  routes(router);
  return found;
}

function ownOutput(method: DescMethod, output: unknown): Message {
  return withOwnBytes(method.output, create(method.output, output as MessageInitShape<DescMessage>));
}

async function onlyOne<T>(input: AsyncIterable<T>): Promise<T> {
  for await (const message of input) return message;
  throw new ConnectError("one request is expected, found none", Code.InvalidArgument);
}

interface CallOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: ConstructorParameters<typeof Headers>[0];
  readonly contextValues: HandlerContext["values"] | undefined;
}

/** What a handler did not mean to say is no more than that something went wrong. */
function withoutSecrets(error: unknown): ConnectError {
  return error instanceof ConnectError ? error : new ConnectError("internal error", Code.Internal);
}

/** Why a handler's signal ends once its call is over. Made once: an error with a stack for each call takes longer than many a call. */
const IS_OVER = new ConnectError("the call is over", Code.Canceled);

/** A stream of which the first answer was asked for. */
interface Answers {
  readonly first: Promise<IteratorResult<Message, unknown>>;
  readonly iterator: AsyncIterator<Message, unknown>;
}

/** One call, seen from both sides. */
class LocalCall {
  readonly context: HandlerContext;
  readonly #ending = new AbortController();
  readonly #release: () => void;

  constructor(method: DescMethod, clock: Clock, { signal, timeoutMs, header, contextValues }: CallOptions) {
    const ending = this.#ending;
    const endsMs = timeoutMs === undefined ? undefined : clock.monotonic() + timeoutMs;
    const stopTimer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () =>
            ending.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded)),
          );
    const follow = (): void => ending.abort(signal?.reason);
    if (signal?.aborted === true) follow();
    else signal?.addEventListener("abort", follow, { once: true });
    this.#release = (): void => {
      stopTimer?.();
      signal?.removeEventListener("abort", follow);
    };
    this.context = {
      service: method.parent,
      method,
      protocolName: "local",
      requestMethod: "POST",
      url: `local:/${method.parent.typeName}/${method.name}`,
      signal: ending.signal,
      timeoutMs: () => (endsMs === undefined ? undefined : endsMs - clock.monotonic()),
      values: contextValues ?? createContextValues(),
      requestHeader: new Headers(header),
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
    };
  }

  /** Resolves as the work does, or rejects as soon as the call has ended. */
  async orEnded<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#ending;
    if (signal.aborted) {
      work.catch(() => undefined);
      throw signal.reason;
    }
    return await new Promise<T>((resolve, reject) => {
      const ended = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", ended, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", ended));
    });
  }

  /** The answers of a stream, once the first is there, or the end: until then the handler may set headers. */
  async answersOf(stream: AsyncIterable<Message>): Promise<Answers> {
    const iterator = stream[Symbol.asyncIterator]();
    // Whoever ends the call ends its handler, also while nobody reads.
    const stop = (): void => void iterator.return?.().catch(() => undefined);
    this.#ending.signal.addEventListener("abort", stop, { once: true });
    const first = this.orEnded(iterator.next());
    await first.catch(() => undefined);
    return { first, iterator };
  }

  /** The answers as the caller reads them. */
  async *each({ first, iterator }: Answers, method: DescMethod): AsyncGenerator<Message> {
    try {
      for (let next = first; ; next = this.orEnded(iterator.next())) {
        const { done, value } = await next;
        if (done === true) return;
        yield ownOutput(method, value);
      }
    } catch (error) {
      throw this.errorOf(error);
    } finally {
      this.end();
    }
  }

  /** What the caller is told: the call's own end where that came first, and the headers of the answer that there was to be. */
  errorOf(error: unknown): ConnectError {
    const { signal } = this.#ending;
    const isEnded = signal.aborted && signal.reason !== IS_OVER;
    const told = isEnded ? ConnectError.from(signal.reason, Code.Canceled) : withoutSecrets(error);
    const headers = new Headers(told.metadata);
    for (const [name, value] of [...this.context.responseHeader, ...this.context.responseTrailer])
      headers.set(name, value);
    const copy = new ConnectError(told.rawMessage, told.code, headers, undefined, told.cause);
    copy.details = told.details;
    return copy;
  }

  /** Frees what the call holds, and tells whoever still works for it. */
  end(): void {
    this.#release();
    this.#ending.abort(IS_OVER);
  }
}
