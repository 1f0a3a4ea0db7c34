import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { errorReason } from "@trellis/resource";

import { mayRepeat } from "./retry.ts";
import { firstSignal } from "./signals.ts";

/**
 * A transport that reaches any of several servers of one cluster: always the same one, until it cannot be reached or is about to stop; then the next. A call that may be
 * made again is, at once, as long as there is a server that was not asked. Streams go along once another one has answered: those that the server which was left still serves
 * end with `unavailable`, so that a client holds on to one server, and not to all that it ever left. While none answers they stay where they are.
 */
export function anyOf(servers: readonly Transport[]): Transport {
  const [only, ...others] = servers;
  if (only === undefined) throw new TypeError("expected at least one server, found none");
  if (others.length === 0) return only;
  let at = 0;
  /** Whether streams may be where the client no longer is. */
  let hasLeft = false;
  const current = (): Transport => servers[at % servers.length] ?? only;
  /** The streams, and how often the server had changed when each was opened. */
  const streams = new Map<AbortController, number>();
  /** The server at which the client was then has answered. */
  const stay = (from: number): void => {
    if (!hasLeft || from !== at) return;
    hasLeft = false;
    for (const [stream, opened] of streams)
      if (opened % servers.length !== at % servers.length) stream.abort(wentAway());
  };
  /** Whether there is another one to be asked now. */
  const leave = (from: number, error: unknown, signal: AbortSignal | undefined): void => {
    if (from !== at || signal?.aborted === true) return;
    if (!isGone(error)) {
      if (errorReason(error) !== undefined) stay(from);
      return;
    }
    at++;
    hasLeft = true;
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      for (let asked = 1; ; asked++) {
        const from = at;
        try {
          const response = await current().unary(method, signal, timeoutMs, header, input, contextValues);
          stay(from);
          return response;
        } catch (error) {
          leave(from, error, signal);
          const failed = { method: method as DescMethodUnary, input, error, storeMoved: false };
          if (asked >= servers.length || from === at || signal?.aborted === true || !mayRepeat(failed))
            throw error;
        }
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const from = at;
      const moved = new AbortController();
      streams.set(moved, from);
      const close = (): void => {
        streams.delete(moved);
        signal?.removeEventListener("abort", close);
      };
      // A reader that leaves between two messages says nothing else.
      signal?.addEventListener("abort", close);
      const failed = (error: unknown): unknown => {
        close();
        if (moved.signal.aborted && signal?.aborted !== true) return moved.signal.reason;
        leave(from, error, signal);
        return error;
      };
      try {
        const own = firstSignal(moved.signal, signal);
        const response = await current().stream(method, own, timeoutMs, header, input, contextValues);
        stay(from);
        return { ...response, message: watched(response.message, failed, close) } as typeof response;
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

function wentAway(): ConnectError {
  return new ConnectError("the client went to another server", Code.Unavailable);
}

/** How a connection shows that it is broken. */
const BROKEN: readonly Code[] = [Code.Aborted, Code.Internal, Code.Canceled, Code.Unknown];

/** Whether a server does not answer, or soon will not. An error that gives a reason is an answer: others would give the same, unless it is that this one is not available. */
function isGone(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  const reason = errorReason(error);
  // Other writers were faster, wherever they are.
  if (reason === "CONFLICT") return false;
  return code === Code.Unavailable || (BROKEN.includes(code) && reason === undefined);
}

async function* watched<M>(
  messages: AsyncIterable<M>,
  failed: (error: unknown) => unknown,
  close: () => void,
): AsyncGenerator<M> {
  try {
    for await (const message of messages) yield message;
  } catch (error) {
    throw failed(error);
  } finally {
    close();
  }
}
