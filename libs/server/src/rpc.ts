import type { DescMethod, Registry as SchemaRegistry } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";

import { type LaneMethod, recordUnaryMethods } from "./fast-lane/lane-methods.ts";
import type { ServerLimits } from "./limits.ts";
import { COMPRESS_MIN_BYTES, COMPRESSIONS, jsonOptions } from "./rpc-options.ts";

/** What the RPC services of a server are built from. */
export interface RpcOptions {
  readonly registrations: readonly ((router: ConnectRouter) => void)[];
  readonly schemas: SchemaRegistry;
  readonly limits: Pick<ServerLimits, "maxRequestBytes" | "maxTimeoutMs">;
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
  const unary = new Map<string, LaneMethod>();
  const recording = recordUnaryMethods(router, options, unary);
  for (const register of options.registrations) register(recording);
  const handlers = new Map<string, UniversalHandler>();
  for (const handler of router.handlers) {
    if (handlers.has(handler.requestPath))
      throw new Error(`two parts serve ${handler.requestPath}: leave one out`);
    handlers.set(handler.requestPath, handler);
  }
  return { handlers, unary };
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

/** Whether a call of the method could change something. */
export function isMutation(method: DescMethod): boolean {
  return (
    method.methodKind === "unary" && method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
  );
}

/** Whether the client sends one message, which then has to arrive in bounded time. */
export function hasSingleRequest(method: DescMethod): boolean {
  return method.methodKind === "unary" || method.methodKind === "server_streaming";
}

/** Whether the answer is a stream, which then ends when the server stops. */
export function streamsResponse(method: DescMethod): boolean {
  return method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
}
