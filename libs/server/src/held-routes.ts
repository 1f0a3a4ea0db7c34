import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";

import type { Routes } from "./part.ts";

/** Resolves when a call may go on: when the part has started, or its caller's signal ends. Undefined when it may at once. */
export type Hold = (call: { readonly signal: AbortSignal }) => Promise<void> | undefined;

type Method = (request: unknown, context: HandlerContext) => unknown;

/** The same routes, whose calls are held at the door first. */
export function heldRoutes({ connect, http, ...others }: Routes, hold: Hold): Routes {
  return {
    ...others,
    ...(connect !== undefined && { connect: (router) => connect(heldRouter(router, hold)) }),
    ...(http !== undefined && {
      http: http.map((route) => ({
        prefix: route.prefix,
        async handle(request) {
          await hold(request);
          return await route.handle(request);
        },
      })),
    }),
  };
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

async function* streamAfter(held: Promise<void>, begin: () => unknown): AsyncGenerator<unknown> {
  await held;
  yield* begin() as AsyncIterable<unknown>;
}
