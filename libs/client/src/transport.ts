import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { type Clock, errorApplied, errorReason, errorRetryAfterMs, type Random } from "@trellis/resource";

import { type BackoffLimits, backoffMs, sleep } from "./backoff.ts";
import type { Mark } from "./mark.ts";

/** What calls need beside the transport. */
export interface CallPolicy {
  readonly mark: Mark;
  readonly clock: Clock;
  readonly random: Random;
  /** Tries of one call, the first included. */
  readonly attempts: number;
}

/** Waits between the tries of a call. */
const RETRY_BACKOFF: BackoffLimits = { firstMs: 50, longestMs: 2_000 };

/**
 * A transport whose calls carry the client's mark, and are tried again where that is harmless: when the server says that nothing was applied, or when
 * the call has no effect.
 */
export function createMarkedTransport(inner: Transport, policy: CallPolicy): Transport {
  const { mark } = policy;
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      return await withRetries(policy, { method, signal, timeoutMs }, async (leftMs) => {
        const headers = new Headers(header);
        mark.send(headers);
        const response = await inner.unary(method, signal, leftMs, headers, input, contextValues);
        mark.note(response.header);
        return response;
      });
    },
    async stream(
      method: DescMethodStreaming<DescMessage, DescMessage>,
      signal,
      timeoutMs,
      header,
      input,
      contextValues,
    ) {
      const headers = new Headers(header);
      mark.send(headers);
      try {
        const response = await inner.stream(
          method,
          signal,
          timeoutMs,
          headers,
          input as AsyncIterable<MessageInitShape<DescMessage>>,
          contextValues,
        );
        mark.note(response.header);
        return response as never;
      } catch (error) {
        mark.noteError(error);
        throw error;
      }
    },
  };
}

interface UnaryCall {
  readonly method: DescMethodUnary;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

async function withRetries<I extends DescMessage, O extends DescMessage>(
  policy: CallPolicy,
  { method, signal, timeoutMs }: UnaryCall,
  run: (leftMs: number | undefined) => Promise<UnaryResponse<I, O>>,
): Promise<UnaryResponse<I, O>> {
  const startedMs = policy.clock.monotonic();
  for (let failures = 1; ; failures++) {
    // Whole milliseconds: the protocols carry no fractions.
    const leftMs =
      timeoutMs === undefined ? undefined : Math.ceil(timeoutMs - (policy.clock.monotonic() - startedMs));
    try {
      return await run(leftMs);
    } catch (error) {
      policy.mark.noteError(error);
      if (failures >= policy.attempts || !mayRepeat(method, error)) throw error;
      const delayMs = Math.max(
        errorRetryAfterMs(error) ?? 0,
        backoffMs(failures, RETRY_BACKOFF, policy.random),
      );
      if (leftMs !== undefined && delayMs >= leftMs) throw error;
      if (!(await sleep(policy.clock, delayMs, signal))) throw error;
    }
  }
}

/** Whether a failed call may be made again: it has no effect, or the server says that it had none. */
function mayRepeat(method: DescMethodUnary, error: unknown): boolean {
  const { code } = ConnectError.from(error);
  const harmless = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (errorReason(error) === "STORE_CHANGED") return harmless;
  if (code === Code.Unavailable || code === Code.ResourceExhausted) {
    if (errorReason(error) === "REQUEST_TOO_LARGE") return false;
    return harmless || errorApplied(error) === "no";
  }
  return harmless && errorReason(error) === "OUTCOME_UNKNOWN";
}
