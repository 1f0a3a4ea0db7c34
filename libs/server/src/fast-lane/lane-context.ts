import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "@trellis/resource";

import type { LaneHead } from "./lane-head.ts";
import type { LaneMethod } from "./lane-methods.ts";
import { type HeaderValues, PlainHeaders } from "./plain-headers.ts";
import type { Wire } from "./wire.ts";

/** What a context is made from. */
export interface LaneContextInit {
  readonly clock: Clock;
  readonly method: LaneMethod["method"];
  readonly head: LaneHead;
  readonly wire: Wire;
  /** The headers and trailers of the answer, which the method adds to. */
  readonly header: HeaderValues;
  readonly trailer: HeaderValues;
  /** The signal that ends the call. */
  readonly signalOf: () => AbortSignal;
}

/** What a method is told of its call. What costs most is made when it is asked for: few methods ask. */
export function createLaneContext(init: LaneContextInit): HandlerContext {
  const { clock, method, head, wire, signalOf } = init;
  const endsMs = head.timeoutMs === undefined ? undefined : clock.now() + head.timeoutMs;
  let values: ContextValues | undefined;
  return {
    method,
    service: method.parent,
    get signal() {
      return signalOf();
    },
    timeoutMs: endsMs === undefined ? noTimeout : () => endsMs - clock.now(),
    requestMethod: "POST",
    requestHeader: new PlainHeaders(wire.headers),
    responseHeader: new PlainHeaders(init.header),
    responseTrailer: new PlainHeaders(init.trailer),
    protocolName: head.protocol.name,
    get values() {
      return (values ??= createContextValues());
    },
    url: `http://trellis.invalid${wire.path}`,
  };
}

function noTimeout(): undefined {
  return undefined;
}
