import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { errorReason } from "@trellis/resource";

import { mayRepeat } from "./retry.ts";

/**
 * A transport that reaches any of several servers of one cluster: always the same one, until it cannot be reached or is about to stop; then the next. A call that may be
 * made again is, at once, as long as there is a server that was not asked.
 */
export function anyOf(servers: readonly Transport[]): Transport {
  const [only, ...others] = servers;
  if (only === undefined) throw new TypeError("expected at least one server, found none");
  if (others.length === 0) return only;
  let at = 0;
  const current = (): Transport => servers[at % servers.length] ?? only;
  /** Whether there is another one to be asked now. */
  const leave = (from: number, error: unknown, signal: AbortSignal | undefined): void => {
    if (from === at && signal?.aborted !== true && isGone(error)) at++;
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      for (let asked = 1; ; asked++) {
        const from = at;
        try {
          return await current().unary(method, signal, timeoutMs, header, input, contextValues);
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
      try {
        const response = await current().stream(method, signal, timeoutMs, header, input, contextValues);
        return {
          ...response,
          message: watched(response.message, (error) => leave(from, error, signal)),
        } as typeof response;
      } catch (error) {
        leave(from, error, signal);
        throw error;
      }
    },
  };
}

/** How a connection shows that it is broken. */
const BROKEN: readonly Code[] = [Code.Aborted, Code.Internal, Code.Canceled, Code.Unknown];

/** Whether a server does not answer, or soon will not. An error that gives a reason is an answer: others would give the same, unless it is that this one is not available. */
function isGone(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || (BROKEN.includes(code) && errorReason(error) === undefined);
}

async function* watched<M>(messages: AsyncIterable<M>, onError: (error: unknown) => void): AsyncGenerator<M> {
  try {
    for await (const message of messages) yield message;
  } catch (error) {
    onError(error);
    throw error;
  }
}
