import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import type { Routes } from "@trellis/server";

/** Resolves when calls may go on: when the part has started, or the caller's signal ends. */
export type Hold = (signal: AbortSignal) => Promise<void>;

type Method = (request: unknown, context: HandlerContext) => unknown;

/** The same routes, whose calls are held at the door first. */
export function heldRoutes({ connect, http, schemas }: Routes, hold: Hold): Routes {
  return {
    ...(schemas !== undefined && { schemas }),
    ...(connect !== undefined && { connect: (router) => connect(heldRouter(router, hold)) }),
    ...(http !== undefined && {
      http: http.map((route) => ({
        prefix: route.prefix,
        async handle(request) {
          await hold(request.signal);
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
      throw new Error("broken invariant of the gateway: a part registers services, not single methods");
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
    const handle: Method = isStream
      ? async function* stream(request, context) {
          await hold(context.signal);
          yield* method.call(implementation, request, context) as AsyncIterable<unknown>;
        }
      : async (request, context) => {
          await hold(context.signal);
          return await method.call(implementation, request, context);
        };
    return [name, handle] as const;
  });
  return Object.fromEntries(held) as Partial<ServiceImpl<S>>;
}
