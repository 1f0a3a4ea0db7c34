import { createRouterTransport, type Transport } from "@connectrpc/connect";
import type { Authenticator, Authorizer } from "@trellis/authz";
import { type Client, createClient } from "@trellis/client";
import type { AnyController, ControllerLog } from "@trellis/controller";
import { type ControllerRuntime, createControllerRuntime } from "@trellis/controller/runtime";
import { createRegistry, type Domain, type Registry } from "@trellis/registry";
import { type Clock, type Random, systemClock } from "@trellis/resource";
import {
  createResourceService,
  type ResourceServiceConfig,
  type TenancyPolicy,
} from "@trellis/resource-service";
import type { Backend } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";

import { createFaultyTransport, type Faults } from "./faulty-transport.ts";
import { seededRandom } from "./seeded-random.ts";
import { untilSettled } from "./settled.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** How to set up a server in memory. */
export interface TestServerOptions {
  readonly domains: readonly Domain[];
  /** The controllers to run: those of the domains when absent. */
  readonly controllers?: readonly AnyController[];
  /** The machine's clock when absent; `createVirtualClock()` for tests about time. */
  readonly clock?: Clock;
  /** Seeded when absent, so that a test repeats. */
  readonly random?: Random;
  readonly authenticator?: Authenticator;
  readonly authorizer?: Authorizer;
  readonly tenancy?: TenancyPolicy;
  /** A backend of the test's own, for faults; an empty one in memory when absent. */
  readonly backend?: Backend;
  readonly config?: ResourceServiceConfig;
  /** Where controllers log: nowhere when absent. */
  readonly log?: ControllerLog;
  /** What goes wrong between the controllers and the server; looked at with each call, so a test may change it under way. */
  readonly controllerFaults?: Faults;
}

/** A whole server in this process's memory: real registry, service, store and controllers, without a network. */
export interface TestServer {
  readonly client: Client;
  /** For clients of the test's own. */
  readonly transport: Transport;
  readonly backend: Backend;
  readonly registry: Registry;
  readonly runtime: ControllerRuntime;
  /**
   * Resolves once the controllers have seen everything that is stored and have nothing left to do; what waits for a later time by its own wish
   * (`after`) does not count. Throws when that takes too long, saying who is busy.
   */
  settled(): Promise<void>;
  /** Stops the controllers, ends all calls and watches of `client`, frees everything. */
  close(): Promise<void>;
}

const DEFAULT_SEED = 1;
const silent: ControllerLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Starts a server in memory; its controllers run. */
export function createTestServer(options: TestServerOptions): TestServer {
  const { domains, clock = systemClock, random = seededRandom(DEFAULT_SEED), log = silent } = options;
  const registry = createRegistry(domains);
  const backend = options.backend ?? createMemoryBackend({ clock, random });
  const { authenticator, authorizer, tenancy } = options;
  const service = createResourceService(
    { registry, backend, authenticator, authorizer, tenancy, clock, random, log },
    options.config,
  );
  const transport = createRouterTransport(service.routes.connect, {
    router: { jsonOptions: { registry: service.routes.schemas } },
  });
  const closed = new AbortController();
  const connect = (through: Transport): Client =>
    createClient({ transport: through, clock, random, signal: closed.signal });
  const controllers =
    options.controllers ?? domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
  const runtime = createControllerRuntime({
    client: connect(createFaultyTransport(transport, options.controllerFaults ?? {})),
    controllers,
    clock,
    log,
  });
  runtime.start();
  return {
    client: connect(transport),
    transport,
    backend,
    registry,
    runtime,
    settled: () => untilSettled({ runtime, backend, timeStandsStill: isVirtual(clock) }),
    async close() {
      const stopped = runtime.stop();
      if (isVirtual(clock)) await letTimePass(clock, stopped);
      await stopped;
      closed.abort();
      await service.stop();
      await backend.close();
    },
  };
}

/** What a controller may take to stop, and more. */
const STOP_MS = 10_000;

function isVirtual(clock: Clock): clock is VirtualClock {
  return "advance" in clock;
}

/** Where time stands still, a controller that does not stop by itself would never run out of it. */
async function letTimePass(clock: VirtualClock, stopped: Promise<void>): Promise<void> {
  let done = false;
  void stopped.then(() => (done = true));
  await clock.flush();
  if (!done) await clock.advance(STOP_MS);
}
