import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { apiError, type Clock } from "@trellis/resource";

import { type Address, addressText, addressUrl } from "./address.ts";
import { createCors } from "./cors.ts";
import { createDescriptorIndex, type DescriptorIndex } from "./descriptor-index.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { healthRoutes, registerHealth } from "./health.ts";
import { answerFailures, enforceDeadline } from "./interceptors.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
import { createListener, type Listener } from "./listener.ts";
import type { ServerLog } from "./log.ts";
import type { Part } from "./part.ts";
import { throwKnownFailure } from "./passed-requests.ts";
import { ServerState } from "./readiness.ts";
import { registerReflection } from "./reflection.ts";
import { createRpcMethods } from "./rpc.ts";
import { joinSchemas } from "./schemas.ts";

/** How a server is set up. */
export interface ServerConfig {
  /** Where to listen; port 0 lets the system choose. */
  readonly listen: Address;
  /** Origins of web pages that may call; `*` for all, which is the default. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** What differs from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<ServerLimits> | undefined;
}

/** What a server is made of. */
export interface ServerOptions {
  /** In the order in which they are started; they are stopped in the opposite one. */
  readonly parts: readonly Part[];
  readonly config: ServerConfig;
  readonly log: ServerLog;
  readonly clock: Clock;
  /** Headers that every answer carries unless its handler set them. */
  readonly commonHeaders?: (() => Readonly<Record<string, string>>) | undefined;
}

/** A server that listens. */
export interface StartedServer {
  /** `host:port`, with the port that was taken. */
  readonly address: string;
  /** The URL under which this machine reaches it. */
  readonly url: string;
}

/** Serves parts on one port: Connect, gRPC, gRPC-Web, plain routes, health and reflection, over HTTP/1.1 and HTTP/2. */
export interface Server {
  /** Listens, then starts the parts in order. Throws a ListenError, or what a part throws; then everything is stopped again. */
  start(): Promise<StartedServer>;
  /**
   * Turns readiness red, takes no more connections, stops the parts in the opposite order, which ends their streams, lets requests
   * under way finish, and cuts what is left after `graceMs`. Never throws; may be called more than once.
   */
  stop(): Promise<void>;
  /** Open connections and requests under way. */
  load(): { readonly connections: number; readonly requests: number };
}

/** Makes a server. Throws when two parts serve the same method. */
export function createServer(options: ServerOptions): Server {
  const { parts, config, log, clock } = options;
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...config.limits };
  const { dispatcher, state } = assemble(options, limits);
  const listener = createListener({ limits, clock, log, handle: dispatcher.handle, lane: dispatcher.lane });
  let stopping: Promise<void> | undefined;

  async function start(): Promise<StartedServer> {
    const taken = await listener.listen(config.listen);
    try {
      for (const part of parts) {
        await part.start();
        state.markStarted(part);
      }
    } catch (error) {
      await stop();
      throw error;
    }
    return { address: addressText(taken), url: addressUrl(taken) };
  }
  function stop(): Promise<void> {
    stopping ??= shutDown({ parts, log, clock, state, dispatcher, listener, graceMs: limits.graceMs });
    return stopping;
  }
  return {
    start,
    stop,
    load: () => ({ connections: listener.connections(), requests: dispatcher.active() }),
  };
}

function assemble(
  options: ServerOptions,
  limits: ServerLimits,
): { dispatcher: Dispatcher; state: ServerState } {
  const { parts, config, log, clock } = options;
  const schemas = joinSchemas(parts.flatMap((part) => part.routes.schemas ?? []));
  const serviceParts = new Map<string, Part>();
  const services = new Map<string, DescService>();
  const state = new ServerState(parts, serviceParts);
  let index: DescriptorIndex | undefined;
  const builtIn = (router: ConnectRouter): void => {
    registerHealth(router, state, clock);
    registerReflection(router, () => (index ??= createDescriptorIndex([...services.values()], schemas)));
  };
  const interceptorOptions = { log, clock, maxRequestBytes: limits.maxRequestBytes };
  const { handlers, unary } = createRpcMethods({
    registrations: [...parts.map((part) => registration(part, serviceParts)), builtIn],
    requestReaders: new Map(parts.flatMap((part) => [...(part.routes.requestReaders ?? [])])),
    ...interceptorOptions,
    schemas,
    limits,
    isStarted: (service) => state.started(service),
    interceptors: [answerFailures(interceptorOptions), enforceDeadline(interceptorOptions)],
    gate(context) {
      throwKnownFailure(context);
      refuseUntilStarted(context, state);
    },
  });
  for (const { service } of handlers.values()) services.set(service.typeName, service);
  const dispatcher = createDispatcher({
    handlers,
    unaryMethods: unary,
    isStarted: (service) => state.started(service),
    routes: [...parts.flatMap((part) => part.routes.http ?? []), ...healthRoutes(state)],
    cors: createCors({ origins: config.corsOrigins ?? ["*"] }),
    limits,
    schemas,
    clock,
    log,
    commonHeaders: options.commonHeaders ?? (() => ({})),
  });
  return { dispatcher, state };
}

/** Registers a part's services and notes that they are its. */
function registration(part: Part, serviceParts: Map<string, Part>): (router: ConnectRouter) => void {
  return (router) => {
    const before = router.handlers.length;
    part.routes.connect?.(router);
    for (const { service } of router.handlers.slice(before)) serviceParts.set(service.typeName, part);
  };
}

function refuseUntilStarted(context: HandlerContext, state: ServerState): void {
  const { typeName } = context.service;
  if (state.started(typeName)) return;
  const waiting = state.waitingService(typeName);
  throw apiError({
    code: Code.Unavailable,
    reason: "UNAVAILABLE",
    message: `${typeName} is not served yet: ${waiting?.reason ?? "it is being started"}; try again in a second`,
    retryAfterMs: 1_000,
  });
}

interface Running {
  readonly parts: readonly Part[];
  readonly log: ServerLog;
  readonly clock: Clock;
  readonly state: ServerState;
  readonly dispatcher: Dispatcher;
  readonly listener: Listener;
  readonly graceMs: number;
}

async function shutDown({ parts, log, clock, state, dispatcher, listener, graceMs }: Running): Promise<void> {
  const endsAt = clock.monotonic() + graceMs;
  state.markStopping();
  dispatcher.close();
  listener.close();
  for (const part of parts.toReversed()) {
    const leftMs = Math.max(0, endsAt - clock.monotonic());
    const stopped = part.stop().then(
      () => true,
      (error: unknown) => {
        log.error({ err: error, part: part.name }, "a part did not stop cleanly");
        return true;
      },
    );
    if ((await within(stopped, leftMs, clock)) === undefined)
      log.warn({ part: part.name, graceMs }, "a part is still not stopped");
  }
  await dispatcher.drain(Math.max(0, endsAt - clock.monotonic()));
  await listener.destroy();
}

/** What a promise resolves with, or undefined when it takes longer. */
function within<T>(promise: Promise<T>, timeoutMs: number, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => resolve(undefined));
    promise.finally(cancel).then(resolve, reject);
  });
}
