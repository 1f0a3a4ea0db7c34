import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import type { DescMessage, Message, Registry as SchemaRegistry } from "@bufbuild/protobuf";

/** A plain HTTP request, whichever version of HTTP brought it. */
export interface HttpRequest {
  /** In capitals ("GET"). */
  readonly method: string;
  /** The path is normalised; the origin means nothing. */
  readonly url: URL;
  readonly headers: Headers;
  /** Reads the whole body. Throws a ConnectError (`resource_exhausted`) past the server's limit. */
  body(): Promise<Uint8Array>;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/** A plain HTTP response. A stream is pulled as the client reads; it ends when the client goes away. */
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** A route outside Connect: all paths that begin with `prefix`. */
export interface HttpRoute {
  readonly prefix: string;
  handle(request: HttpRequest): Promise<HttpResponse>;
}

/**
 * Reads a message of one type as the protocol library does, in less time. Undefined, or an error, where that is not sure: the library reads it then, or says what is wrong
 * with it.
 */
export interface RequestReader {
  (bytes: Uint8Array): Message | undefined;
  /**
   * Takes the bytes from a message that it read, whose method has answered: they are used for others then. Only for a reader whose messages give copies of their bytes to who looks into them,
   * and from now on nothing that stands in the bytes alone.
   */
  readonly release?: (message: Message) => void;
}

/** What a part of a service brings to a listener: RPC services, plain routes, and what health says of it. */
export interface Routes {
  /** Registers RPC services. */
  readonly connect?: (router: ConnectRouter) => void;
  readonly http?: readonly HttpRoute[];
  /** Read requests of these messages where the fast lane serves them. */
  readonly requestReaders?: ReadonlyMap<DescMessage, RequestReader>;
  /** Resolves `google.protobuf.Any` in Connect JSON. */
  readonly schemas?: SchemaRegistry;
}

/** A part of a process: `createX(deps, config)` in its lib gives one; an app or `standalone` composes several. */
export interface Part {
  readonly name: string;
  readonly routes: Routes;
  start(): Promise<void>;
  /**
   * Ends what would go on for ever, each stream with its own last word. Requests under way may still come to their end, so what they
   * need (a backend) is closed after the server.
   */
  stop(): Promise<void>;
  /** Undefined while the part can do its work; otherwise what it waits for, in words. */
  notReady?(): string | undefined;
  /** What people may want to know of a part that is ready: work that others do, say. Undefined when there is nothing. */
  remark?(): string | undefined;
}

export type { HandlerContext };
