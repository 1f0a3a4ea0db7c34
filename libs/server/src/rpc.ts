import type { DescMessage } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";

import { bidiStreams } from "./bidi-streams.ts";
import { binaryStreams } from "./binary-streams.ts";
import { type LaneMethod, recordMethods, type RecordedMethods } from "./fast-lane/lane-methods.ts";
import type { RequestReader } from "./part.ts";
import { COMPRESS_MIN_BYTES, COMPRESSIONS, jsonOptions } from "./rpc-options.ts";
import type { StreamOptions } from "./stream-calls.ts";

/** What the RPC services of a server are built from. */
export interface RpcOptions extends StreamOptions {
  readonly registrations: readonly ((router: ConnectRouter) => void)[];
  readonly requestReaders: ReadonlyMap<DescMessage, RequestReader>;
  readonly interceptors: readonly Interceptor[];
  /** Runs before a request's body is read; throws to refuse the call. */
  readonly gate: (context: HandlerContext) => void;
}

/** The RPC methods of a server, by path (`/package.Service/Method`). */
export interface RpcMethods {
  /** All of them; each handler serves Connect, gRPC and gRPC-Web. */
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  /** The unary ones, for the fast lane. */
  readonly unary: ReadonlyMap<string, LaneMethod>;
}

/** Makes the handlers of all methods. Throws when two parts serve the same one. */
export function createRpcMethods(options: RpcOptions): RpcMethods {
  const router = createConnectRouter(rpcRouterOptions(options));
  const recorded: RecordedMethods = { unary: new Map(), streams: new Map(), bidi: new Map() };
  const recording = recordMethods(router, options, recorded);
  for (const register of options.registrations) register(recording);
  const handlers = new Map<string, UniversalHandler>();
  for (const handler of router.handlers) {
    if (handlers.has(handler.requestPath))
      throw new Error(`two parts serve ${handler.requestPath}: leave one out`);
    handlers.set(handler.requestPath, quickest(handler, recorded, options));
  }
  return { handlers, unary: recorded.unary };
}

function quickest(
  library: UniversalHandler,
  { streams, bidi }: RecordedMethods,
  options: StreamOptions,
): UniversalHandler {
  const stream = streams.get(library.requestPath);
  if (stream !== undefined) return binaryStreams(library, stream, options);
  const both = bidi.get(library.requestPath);
  return both === undefined ? library : bidiStreams(library, both, options);
}

function rpcRouterOptions(options: RpcOptions): ConnectRouterOptions {
  return {
    acceptCompression: [...COMPRESSIONS],
    compressMinBytes: COMPRESS_MIN_BYTES,
    interceptors: [...options.interceptors],
    requestGate: options.gate,
    readMaxBytes: options.limits.maxRequestBytes,
    maxTimeoutMs: options.limits.maxTimeoutMs,
    jsonOptions: jsonOptions(options.schemas),
  };
}
