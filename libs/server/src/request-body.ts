import { Code, type ConnectError } from "@connectrpc/connect";
import { apiError, type Clock } from "@trellis/resource";

import { type BodyMeterOptions, createBodyMeter } from "./body-meter.ts";
import { RETRY_AFTER_MS } from "./failure.ts";
import { clientGone, isHttp2, type NodeRequest } from "./node-exchange.ts";

/** How a body is read. */
export interface BodyOptions extends BodyMeterOptions {
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A body that is being read. */
export interface RequestBody extends AsyncIterable<Uint8Array> {
  /** Stops reading, also when a reader gave up in the middle and said nothing. What still comes is left to others. */
  close(): void;
}

/** How long the rest of an unwanted body is read and dropped, so that the client sees the answer before the reset. */
const LINGER_MS = 2_000;

/** What has become of a body: more may come, it came whole, or it never will. */
type BodyState = { readonly kind: "open" | "whole" } | { readonly kind: "failed"; readonly reason: unknown };

/**
 * Reads the body chunk by chunk, one at a time. Leaving the loop early does not destroy the connection, so that an error can still be
 * answered. Throws `deadline_exceeded` for a client that is too slow, `canceled` for one that went away, `LIMIT_REACHED` where its bytes are too many
 * beside those of others, the signal's reason.
 *
 * Node's own iterator would do, but abandoned in the middle, as the protocol layers leave a body that breaks a rule, it stops the stream
 * for ever.
 */
export function readBody(request: NodeRequest, options: BodyOptions): RequestBody {
  const { held, signal } = options;
  const chunks: Uint8Array[] = [];
  let state: BodyState = { kind: "open" };
  let wake: (() => void) | undefined;

  function become(next: BodyState): void {
    if (state.kind === "open") state = next;
    wake?.();
  }
  const onData = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    request.pause();
    wake?.();
  };
  const onEnd = (): void =>
    become(wasCut(request) ? { kind: "failed", reason: clientGone() } : { kind: "whole" });
  const onGone = (): void => become({ kind: "failed", reason: clientGone() });
  const onAbort = (): void => become({ kind: "failed", reason: signal?.reason });
  const meter = createBodyMeter(options, (reason) => become({ kind: "failed", reason }));

  request.on("data", onData);
  request.once("end", onEnd);
  for (const event of ["aborted", "error", "close"]) request.once(event, onGone);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort);
  if (request.readableEnded || request.destroyed) onEnd();
  try {
    held.expect(Number(request.headers["content-length"] ?? 0));
  } catch (error) {
    become({ kind: "failed", reason: error });
  }

  async function more(): Promise<void> {
    const endWait = meter.wait();
    const woken = new Promise<void>((resolve) => (wake = resolve));
    request.resume();
    await woken;
    endWait();
  }
  function close(): void {
    meter.close();
    signal?.removeEventListener("abort", onAbort);
    request.off("data", onData);
    request.off("end", onEnd);
    for (const event of ["aborted", "error", "close"]) request.off(event, onGone);
    if (state.kind === "open") become({ kind: "failed", reason: clientGone() });
  }
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (state.kind === "failed") throw state.reason;
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          meter.take(chunk);
          yield chunk;
          meter.taken();
        } else if (state.kind === "whole") return;
        else await more();
      }
    } finally {
      close();
    }
  }
  return { [Symbol.asyncIterator]: read, close };
}

/** Reads a whole body of at most `maxBytes`. Throws as {@link readBody}, and `resource_exhausted` past the limit. */
export async function readWholeBody(
  request: NodeRequest,
  options: BodyOptions & { readonly maxBytes: number },
): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > options.maxBytes) throw tooLarge(options.maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(request, options)) {
    length += chunk.byteLength;
    if (length > options.maxBytes) throw tooLarge(options.maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** The requests whose rest is being dropped already. */
const discarded = new WeakSet<NodeRequest>();

/**
 * Deals with a body that was answered before it was read to its end: drops what still comes for a short while, so that the client
 * reads the answer instead of a reset connection, then ends the stream (HTTP/2) or the connection (HTTP/1.1).
 */
export function discardRestOfBody(request: NodeRequest, clock: Clock): void {
  if (request.complete || request.destroyed || discarded.has(request)) return;
  discarded.add(request);
  request.resume();
  const cancel = clock.after(LINGER_MS, () => {
    if (isHttp2(request)) request.stream.close();
    else request.socket.destroy();
  });
  request.once("end", cancel);
  request.once("close", cancel);
}

/** True when the client reset the stream before it had sent all: Node says "end" then too. */
function wasCut(request: NodeRequest): boolean {
  return isHttp2(request) && (request.aborted || request.stream.aborted);
}

/** The error for a body of more than `maxBytes`. */
export function tooLarge(maxBytes: number): ConnectError {
  return apiError({
    code: Code.ResourceExhausted,
    reason: "REQUEST_TOO_LARGE",
    message: `the request is larger than ${maxBytes} bytes, the most this server takes; split it or send less`,
    metadata: { max_bytes: String(maxBytes), applied: "no" },
    retryAfterMs: RETRY_AFTER_MS,
  });
}
