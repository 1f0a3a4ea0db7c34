import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";

import { type Call, setPosition, type ShownVersion, startCall } from "./call.ts";
import { startDeadline } from "./deadline.ts";
import type { Environment } from "./environment.ts";
import { toServiceError } from "./errors.ts";

/**
 * Wraps a unary method: authenticates, starts the deadline, sets the position headers of answers and errors, and turns everything
 * that is thrown into an error that clients understand. What was not foreseen is logged and not told.
 */
export function unary<Request, Response>(
  environment: Environment,
  kind: "read" | "mutation",
  run: (request: Request, call: Call) => Promise<Response>,
): (request: Request, context: HandlerContext) => Promise<Response> {
  return async (request, context) => {
    const deadline = startDeadline(environment.clock, context);
    const shown: ShownVersion = { newest: undefined };
    try {
      return await run(request, await startCall(environment, context, deadline.signal, shown));
    } catch (error) {
      throw finishError(environment, context, error, deadline.signal, kind === "mutation");
    } finally {
      deadline.dispose();
      setPosition(context.responseHeader, environment.backend, shown);
    }
  };
}

/** Wraps a server-streaming method as {@link unary} does; it has no deadline but the caller's. */
export function serverStream<Request, Response>(
  environment: Environment,
  run: (request: Request, call: Call) => AsyncIterable<Response>,
): (request: Request, context: HandlerContext) => AsyncIterable<Response> {
  return (request, context) => {
    const shown: ShownVersion = { newest: undefined };
    setPosition(context.responseHeader, environment.backend, shown);
    let responses: AsyncIterator<Response> | undefined;
    // Not a generator around the method's own: each message would wait for several more turns of the promises.
    const stream: AsyncIterableIterator<Response> = {
      [Symbol.asyncIterator]: () => stream,
      async next() {
        try {
          responses ??= run(request, await startCall(environment, context, context.signal, shown))[
            Symbol.asyncIterator
          ]();
          return await responses.next();
        } catch (error) {
          throw finishError(environment, context, error, context.signal, false);
        }
      },
      async return() {
        await responses?.return?.();
        return { done: true, value: undefined };
      },
    };
    return stream;
  };
}

function finishError(
  environment: Environment,
  context: HandlerContext,
  thrown: unknown,
  signal: AbortSignal,
  mutation: boolean,
): ConnectError {
  const error = toServiceError(thrown, signal);
  if (error.failure.code === Code.Internal) {
    const cause = error.cause ?? thrown;
    environment.log.error(
      { method: context.method.name, reason: error.failure.reason, err: cause },
      `${context.method.name} failed: ${error.message}`,
    );
  }
  return error.toConnectError(mutation);
}
