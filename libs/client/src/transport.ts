import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { type Clock, errorRetryAfterMs, type Random } from "@trellis/resource";

import { type BackoffLimits, backoffMs, sleep } from "./backoff.ts";
import type { Mark } from "./mark.ts";
import { mayRepeat } from "./retry.ts";
import { firstSignal, isAborted } from "./signals.ts";

/** What calls need beside the transport. */
export interface CallPolicy {
  readonly mark: Mark;
  readonly clock: Clock;
  readonly random: Random;
  /** Tries of one call, the first included. */
  readonly attempts: number;
  /** The deadline of calls that name none, in milliseconds. */
  readonly timeoutMs: number;
  /** What every call carries besides. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends all calls. */
  readonly closed: AbortSignal | undefined;
}

/** Waits between the tries of a call. */
const RETRY_BACKOFF: BackoffLimits = { firstMs: 50, longestMs: 2_000 };
/** The longest deadline that a timer takes, in milliseconds; longer ones are cut to it. */
const MAX_TIMEOUT_MS = 0x7fff_ffff;

/**
 * A transport whose calls carry the client's mark, have a deadline that bounds all their tries, and are tried again where that is harmless (see `mayRepeat`).
 * Streams are neither tried again nor bounded: who reads them resumes them.
 */
export function createMarkedTransport(inner: Transport, policy: CallPolicy): Transport {
  const { mark, closed } = policy;
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const ended = firstSignal(signal, closed);
      const call = { method, input, signal: ended, timeoutMs: timeoutMs ?? policy.timeoutMs };
      return await withRetries(policy, call, async (leftMs) => {
        const headers = joined(policy.headers, header);
        mark.send(headers);
        const response = await inner.unary(method, ended, leftMs, headers, input, contextValues);
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
      const headers = joined(policy.headers, header);
      mark.send(headers);
      try {
        const response = await inner.stream(
          method,
          firstSignal(signal, closed),
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

/** The client's headers under those of a call. */
function joined(
  always: Readonly<Record<string, string>>,
  header: ConstructorParameters<typeof Headers>[0],
): Headers {
  const headers = new Headers(always);
  for (const [name, value] of new Headers(header)) headers.set(name, value);
  return headers;
}

interface UnaryCall {
  readonly method: DescMethodUnary;
  readonly input: unknown;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

async function withRetries<I extends DescMessage, O extends DescMessage>(
  { mark, clock, random, attempts }: CallPolicy,
  { method, input, signal, timeoutMs }: UnaryCall,
  run: (leftMs: number) => Promise<UnaryResponse<I, O>>,
): Promise<UnaryResponse<I, O>> {
  const deadlineMs = clock.monotonic() + Math.min(timeoutMs, MAX_TIMEOUT_MS);
  // The protocols take whole milliseconds, and take 0 for no deadline at all.
  const left = (): number => Math.floor(deadlineMs - clock.monotonic());
  let lastError: unknown;
  for (let failures = 1, leftMs = left(); leftMs > 0; failures++, leftMs = left()) {
    try {
      return await run(leftMs);
    } catch (error) {
      lastError = error;
      const storeMoved = mark.noteError(error);
      const again =
        failures < attempts && !isAborted(signal) && mayRepeat({ method, input, error, storeMoved });
      if (!again) throw error;
      const backoff = storeMoved ? 0 : backoffMs(failures, RETRY_BACKOFF, random);
      const delayMs = Math.max(errorRetryAfterMs(error) ?? 0, backoff);
      if (delayMs >= left()) throw error;
      if (delayMs > 0 && !(await sleep(clock, delayMs, signal))) throw canceled(signal);
    }
  }
  throw (
    lastError ??
    new ConnectError(`the deadline of ${timeoutMs} ms had passed before the call`, Code.DeadlineExceeded)
  );
}

function canceled(signal: AbortSignal | undefined): ConnectError {
  const message = "the caller ended the call while it waited to be tried again";
  return new ConnectError(message, Code.Canceled, undefined, undefined, signal?.reason);
}
