import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import type { Clock, LazyContext } from "@trellis/resource";

import type { LaneHead } from "./lane-head.ts";
import type { LaneMethod } from "./lane-methods.ts";
import { type HeaderValues, PlainHeaders } from "./plain-headers.ts";
import type { Wire } from "./wire.ts";

/** What a context is made from. */
export interface LaneContextInit {
  readonly clock: Clock;
  readonly method: LaneMethod["method"];
  readonly head: LaneHead;
  readonly wire: Pick<Wire, "headers" | "path">;
  /** The headers and trailers of the answer, which the method adds to. */
  readonly header: HeaderValues;
  readonly trailer: HeaderValues;
  /** The call, which is told to end. */
  readonly call: LaneCallEnd;
}

/** How a call is told to end. */
export interface LaneCallEnd {
  /** Made for the first who asks. */
  readonly signal: AbortSignal;
  readonly isAborted: boolean;
}

/**
 * What a method is told of its call. What costs most is made when it is asked for: few methods ask.
 *
 * Its getters are its class's: those of an object literal give each object a hidden class of its own, which V8 allocates among the old and which keeps the whole call until
 * the next full collection. Its fields are no `#private` ones, so that an object that inherits from a context (`Object.create`) works as well.
 */
export class LaneContext implements LazyContext {
  readonly method: HandlerContext["method"];
  readonly service: HandlerContext["service"];
  readonly requestMethod = "POST";
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
  readonly protocolName: string;
  /** A function of its own, which methods may take out of the context. */
  readonly timeoutMs: HandlerContext["timeoutMs"];
  private readonly path: string;
  private readonly call: LaneCallEnd;
  private ownValues: ContextValues | undefined;

  constructor({ clock, method, head, wire, header, trailer, call }: LaneContextInit) {
    this.method = method;
    this.service = method.parent;
    this.requestHeader = new PlainHeaders(wire.headers);
    this.responseHeader = new PlainHeaders(header);
    this.responseTrailer = new PlainHeaders(trailer);
    this.protocolName = head.protocol.name;
    this.path = wire.path;
    this.call = call;
    this.timeoutMs = timeoutOf(head.timeoutMs, clock);
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }

  get isAborted(): boolean {
    return this.call.isAborted;
  }

  get values(): ContextValues {
    return (this.ownValues ??= createContextValues());
  }

  get url(): string {
    return `http://trellis.invalid${this.path}`;
  }
}

function timeoutOf(timeoutMs: number | undefined, clock: Clock): HandlerContext["timeoutMs"] {
  if (timeoutMs === undefined) return noTimeout;
  const endsMs = clock.now() + timeoutMs;
  return () => endsMs - clock.now();
}

function noTimeout(): undefined {
  return undefined;
}
