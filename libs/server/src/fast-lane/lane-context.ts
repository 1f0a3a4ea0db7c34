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
  readonly wire: Pick<Wire, "headers" | "path">;
  /** The headers and trailers of the answer, which the method adds to. */
  readonly header: HeaderValues;
  readonly trailer: HeaderValues;
  /** The signal that ends the call. */
  readonly signalOf: () => AbortSignal;
}

/**
 * What a method is told of its call. What costs most is made when it is asked for: few methods ask.
 *
 * Its getters are its class's: those of an object literal give each object a hidden class of its own, which V8 allocates among the old and which keeps the whole call until
 * the next full collection. Its fields are no `#private` ones, so that an object that inherits from a context (`Object.create`) works as well.
 */
export class LaneContext implements HandlerContext {
  readonly method: HandlerContext["method"];
  readonly service: HandlerContext["service"];
  readonly requestMethod = "POST";
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
  readonly protocolName: string;
  private readonly clock: Clock;
  private readonly path: string;
  private readonly signalOf: () => AbortSignal;
  private readonly endsMs: number | undefined;
  private ownValues: ContextValues | undefined;

  constructor({ clock, method, head, wire, header, trailer, signalOf }: LaneContextInit) {
    this.method = method;
    this.service = method.parent;
    this.requestHeader = new PlainHeaders(wire.headers);
    this.responseHeader = new PlainHeaders(header);
    this.responseTrailer = new PlainHeaders(trailer);
    this.protocolName = head.protocol.name;
    this.clock = clock;
    this.path = wire.path;
    this.signalOf = signalOf;
    this.endsMs = head.timeoutMs === undefined ? undefined : clock.now() + head.timeoutMs;
  }

  get signal(): AbortSignal {
    return this.signalOf();
  }

  get values(): ContextValues {
    return (this.ownValues ??= createContextValues());
  }

  get url(): string {
    return `http://trellis.invalid${this.path}`;
  }

  timeoutMs(): number | undefined {
    return this.endsMs === undefined ? undefined : this.endsMs - this.clock.now();
  }
}
