import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";

/** A call as the network sees it. */
export interface NetworkCall {
  /** The method's name: "Read", "WatchList". */
  readonly method: string;
  readonly header: Headers;
  readonly timeoutMs: number | undefined;
}

/** What goes wrong. Each may be async, to delay; what it throws is what the caller gets. */
export interface Faults {
  /** Before a call or a stream reaches the server: a throw means that the server never saw it. */
  request?: (call: NetworkCall) => void | Promise<void>;
  /** Before the answer of a call comes back: a throw means that it was carried out and the answer was lost. */
  answer?: (call: NetworkCall) => void | Promise<void>;
  /** Before a message of a stream is delivered, `index` from 0: a throw cuts the stream there. */
  message?: (call: NetworkCall, index: number) => void | Promise<void>;
}

/** A transport on which the network misbehaves as a test says. The faults are looked at with each call: a test may change them under way. */
export function createFaultyTransport(inner: Transport, faults: Faults): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const call = { method: method.name, header: new Headers(header), timeoutMs };
      await happen(faults.request?.(call), signal);
      const response = await inner.unary(method, signal, timeoutMs, header, input, contextValues);
      await happen(faults.answer?.(call), signal);
      return response;
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const call = { method: method.name, header: new Headers(header), timeoutMs };
      await happen(faults.request?.(call), signal);
      const response = await inner.stream(method, signal, timeoutMs, header, input, contextValues);
      return { ...response, message: cut(response, call, faults, signal) };
    },
  };
}

async function* cut<I extends DescMessage, O extends DescMessage>(
  { message }: StreamResponse<I, O>,
  call: NetworkCall,
  faults: Faults,
  signal: AbortSignal | undefined,
) {
  let index = 0;
  for await (const item of message) {
    await happen(faults.message?.(call, index), signal);
    index += 1;
    yield item;
  }
}

/** Waits for a fault to have happened, or for the caller to have left. */
async function happen(fault: void | Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (fault === undefined || signal === undefined) {
    await fault;
    return;
  }
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(new ConnectError("the caller left", Code.Canceled));
  signal.addEventListener("abort", leave, { once: true });
  try {
    if (signal.aborted) leave();
    await Promise.race([fault, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
