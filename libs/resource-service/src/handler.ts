import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import { type BatchedStream, batchedStream, type BatchSink } from "@trellis/resource";

import { type Call, type CallEnd, setPosition, type ShownVersion, startCall } from "./call.ts";
import { Deadline } from "./deadline.ts";
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
    const deadline = new Deadline(environment.clock, context);
    const shown: ShownVersion = { newest: undefined };
    try {
      const started = startCall(environment, context, deadline, shown);
      return await run(request, started instanceof Promise ? await started : started);
    } catch (error) {
      throw finishError(environment, context, error, deadline.signal, kind === "mutation");
    } finally {
      deadline.dispose();
      setPosition(context.responseHeader, environment.backend, shown);
    }
  };
}

/** Where the messages of a stream go that need not wait to be asked for, once somebody is there who takes them. */
export interface Outlet<Response> {
  sink: BatchSink<Response> | undefined;
}

/** Wraps a method that answers with batches of messages as {@link unary} does; it has no deadline but the caller's. */
export function serverStream<Request, Response>(
  environment: Environment,
  run: (request: Request, call: Call, outlet: Outlet<Response>) => AsyncGenerator<readonly Response[]>,
): (request: Request, context: HandlerContext) => BatchedStream<Response> {
  return (request, context) => {
    const shown: ShownVersion = { newest: undefined };
    setPosition(context.responseHeader, environment.backend, shown);
    const outlet: Outlet<Response> = { sink: undefined };
    let responses: AsyncGenerator<readonly Response[]> | undefined;
    return batchedStream({
      async next() {
        try {
          responses ??= run(
            request,
            await startCall(environment, context, new StreamEnd(context), shown),
            outlet,
          );
          const step = await responses.next();
          return step.done === true ? undefined : step.value;
        } catch (error) {
          throw finishError(environment, context, error, context.signal, false);
        }
      },
      async return() {
        await responses?.return(undefined);
      },
      flowTo: (sink) => void (outlet.sink = sink),
    });
  };
}

/** A stream has no deadline but its caller's. */
class StreamEnd implements CallEnd {
  readonly signal: AbortSignal;

  constructor({ signal }: HandlerContext) {
    this.signal = signal;
  }

  get isAborted(): boolean {
    return this.signal.aborted;
  }
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
