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
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

import { counted } from "./counted-compression.ts";
import type { ServerLimits } from "./limits.ts";

/** What the RPC services of a server are built from. */
export interface RpcOptions {
  readonly registrations: readonly ((router: ConnectRouter) => void)[];
  readonly schemas: SchemaRegistry;
  readonly limits: Pick<ServerLimits, "maxRequestBytes" | "maxTimeoutMs">;
  readonly interceptors: readonly Interceptor[];
  /** Runs before a request's body is read; throws to refuse the call. */
  readonly gate: (context: HandlerContext) => void;
}

/** The handlers of all RPC methods, by path (`/package.Service/Method`). Each serves Connect, gRPC and gRPC-Web. */
export function createRpcHandlers(options: RpcOptions): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter(rpcRouterOptions(options));
  for (const register of options.registrations) register(router);
  const handlers = new Map<string, UniversalHandler>();
  for (const handler of router.handlers) {
    if (handlers.has(handler.requestPath))
      throw new Error(`two parts serve ${handler.requestPath}: leave one out`);
    handlers.set(handler.requestPath, handler);
  }
  return handlers;
}

function rpcRouterOptions(options: RpcOptions): ConnectRouterOptions {
  return {
    acceptCompression: [counted(compressionGzip), counted(compressionBrotli)],
    interceptors: [...options.interceptors],
    requestGate: options.gate,
    readMaxBytes: options.limits.maxRequestBytes,
    maxTimeoutMs: options.limits.maxTimeoutMs,
    jsonOptions: {
      registry: options.schemas,
      ignoreUnknownFields: false,
      // Broken UTF-8 is an error of the caller, not a replacement character in somebody's data.
      textDecoder: new TextDecoder("utf-8", { fatal: true }),
    } as ConnectRouterOptions["jsonOptions"] & object,
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
