import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { apiError, type Clock } from "@trellis/resource";

import { explainFailure, type FailedCall } from "./failure.ts";
import { JSON_REQUEST } from "./json-request.ts";
import type { ServerLog } from "./log.ts";
import { isMutation } from "./method-kinds.ts";

/** How long a handler may go on after its signal was aborted before the caller is answered without it. */
export const ABORT_GRACE_MS = 250;

/** What the interceptors need. */
export interface InterceptorOptions {
  readonly log: ServerLog;
  readonly clock: Clock;
  readonly maxRequestBytes: number;
}

/**
 * Turns everything that a handler throws into an error that a caller may see. What is not a ConnectError is a defect: it is logged
 * with its stack, and the caller learns `internal` and no more. Outermost of all interceptors.
 */
export function answerFailures(options: InterceptorOptions): Interceptor {
  return (next) => async (request) => {
    const json = request.contextValues.get(JSON_REQUEST);
    const { method, signal } = request;
    const fail = (error: unknown): ConnectError => failureOf(error, { method, signal, json }, options);
    // A unary message has been read already, that of a stream is read by its handler.
    if (!request.stream) json?.forget();
    try {
      const response = await next(request);
      if (!response.stream) return response;
      const messages =
        json === undefined ? response.message : observed(response.message, () => json.forget());
      return { ...response, message: failing(messages, request.signal, fail) };
    } catch (error) {
      throw fail(error);
    }
  };
}

/** Answers a unary call whose deadline passed or whose client left, also when the handler does not heed its signal. */
export function enforceDeadline(options: InterceptorOptions): Interceptor {
  return (next) => (request) => {
    const { signal } = request;
    if (request.stream) return next(request);
    return new Promise((resolve, reject) => {
      let cancel = (): void => undefined;
      const onAbort = (): void => {
        cancel = options.clock.after(ABORT_GRACE_MS, () => reject(signal.reason as Error));
      };
      const settle = (): void => {
        cancel();
        signal.removeEventListener("abort", onAbort);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      next(request).then(resolve, reject).finally(settle);
    });
  };
}

async function* observed<T>(messages: AsyncIterable<T>, onMessage: () => void): AsyncGenerator<T> {
  for await (const message of messages) {
    onMessage();
    yield message;
  }
}

async function* failing<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  fail: (error: unknown) => ConnectError,
): AsyncGenerator<T> {
  try {
    yield* messages;
    // A handler may end quietly when it is told that the time is up: its caller would take that for the end of what there is.
    if (signal.aborted && ConnectError.from(signal.reason).code === Code.DeadlineExceeded)
      throw signal.reason;
  } catch (error) {
    throw fail(error);
  }
}

/** What is known of the call whose handler failed. */
interface FailedHandler {
  readonly method: DescMethod;
  readonly signal: AbortSignal;
  readonly json?: FailedCall["json"];
}

/** The error that a caller may see of what a handler threw. What is not a ConnectError is a defect, and is logged. */
export function failureOf(error: unknown, request: FailedHandler, options: InterceptorOptions): ConnectError {
  const call = {
    mutation: isMutation(request.method),
    maxRequestBytes: options.maxRequestBytes,
    json: request.json,
  };
  if (error instanceof ConnectError) return explainFailure(error, call);
  // A handler that passes on its signal's reason, or an AbortError of the platform, ended because it was told to.
  if (request.signal.aborted)
    return explainFailure(ConnectError.from(request.signal.reason, Code.Canceled), call);
  const method = `${request.method.parent.typeName}/${request.method.name}`;
  options.log.error({ err: error, method }, "a handler failed");
  return apiError({
    code: Code.Internal,
    reason: "INTERNAL",
    message: "the server failed in an unforeseen way; its log has the details",
    ...(call.mutation ? { metadata: { applied: "unknown" } } : {}),
    cause: error,
  });
}
