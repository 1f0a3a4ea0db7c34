import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import { TIMEOUT_HEADER, timeoutMsIn } from "@trellis/resource";

import type { HttpRequest, HttpResponse, HttpRoute, Routes } from "./part.ts";

/** A call at the door. */
export interface HeldCall {
  readonly signal: AbortSignal;
  /** How long it may take, where its signal does not end by then; undefined for as long as its signal lets it. */
  readonly withinMs?: number | undefined;
}

/** Resolves when a call may go on, with how long it was held, in milliseconds: when the part has started, or its caller's time ends. Undefined when it may at once. */
export type Hold = (call: HeldCall) => Promise<number> | undefined;

type Method = (request: unknown, context: HandlerContext) => unknown;

/** The same routes, whose calls are held at the door first. */
export function heldRoutes({ connect, http, ...others }: Routes, hold: Hold): Routes {
  return {
    ...others,
    ...(connect !== undefined && { connect: (router) => connect(heldRouter(router, hold)) }),
    ...(http !== undefined && {
      http: http.map((route) => ({
        prefix: route.prefix,
        handle: (request) => handledLater(route, request, hold),
      })),
    }),
  };
}

/** A plain request whose time goes on while it is held; nothing but its head says how long it may take. */
async function handledLater(route: HttpRoute, request: HttpRequest, hold: Hold): Promise<HttpResponse> {
  const timeoutMs = timeoutMsIn(request.headers);
  const call = {
    withinMs: timeoutMs,
    get signal() {
      return request.signal;
    },
  };
  const held = hold(call);
  if (held === undefined) return await route.handle(request);
  const heldMs = await held;
  if (timeoutMs === undefined) return await route.handle(request);
  const headers = new Headers(request.headers);
  headers.set(TIMEOUT_HEADER, String(Math.max(1, Math.ceil(timeoutMs - heldMs))));
  const { method, url, signal } = request;
  return await route.handle({ method, url, headers, signal, body: () => request.body() });
}

function heldRouter(router: ConnectRouter, hold: Hold): ConnectRouter {
  const held: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, heldService(service, implementation, hold), options);
      return held;
    },
    rpc: () => {
      throw new Error("broken invariant of held routes: a part registers services, not single methods");
    },
  };
  return held;
}

function heldService<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImpl<S>>,
  hold: Hold,
): Partial<ServiceImpl<S>> {
  const held = Object.entries(implementation as Record<string, Method>).map(([name, method]) => {
    const isStream = service.method[name]?.methodKind !== "unary";
    const begin = (request: unknown, context: HandlerContext) =>
      method.call(implementation, request, context);
    const handle: Method = (request, context) => {
      // As it is: its signal is made for who looks at it.
      const held = hold(context);
      // What a method answers is handed on as it is: a stream of batches stays one.
      if (held === undefined) return begin(request, context);
      const beginLater = () => begin(request, context);
      return isStream ? streamAfter(held, beginLater) : held.then(beginLater);
    };
    return [name, handle] as const;
  });
  return Object.fromEntries(held) as Partial<ServiceImpl<S>>;
}

async function* streamAfter(held: Promise<unknown>, begin: () => unknown): AsyncGenerator<unknown> {
  await held;
  yield* begin() as AsyncIterable<unknown>;
}
