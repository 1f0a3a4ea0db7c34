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
  type ResourceServicePart,
  type TenancyPolicy,
} from "@trellis/resource-service";
import type { Backend } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { serveResources, systemControllers } from "@trellis/system";

import { createFaultyTransport, type Faults } from "./faulty-transport.ts";
import { seededRandom } from "./seeded-random.ts";
import { untilSettled } from "./settled.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** How to set up a server in memory. */
export interface TestServerOptions {
  readonly domains: readonly Domain[];
  /**
   * Whether the system's own types and controllers are there, as on a server that people start: deletions cascade to what was owned, and
   * namespaces exist while their resources do. False when absent: a deletion is then the deletion of one resource, and only the tenancy
   * `default` exists.
   */
  readonly system?: boolean;
  /** The controllers to run beside the system's: those of the domains when absent. */
  readonly controllers?: readonly AnyController[];
  /** The machine's clock when absent; `createVirtualClock()` for tests about time. */
  readonly clock?: Clock;
  /** Seeded when absent, so that a test repeats. */
  readonly random?: Random;
  readonly authenticator?: Authenticator;
  readonly authorizer?: Authorizer;
  /** Which partitions and namespaces exist; not together with `system`, which has a policy of its own. */
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
  /** What runs the controllers; the system's own have another. */
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

/** Starts a server in memory; its controllers run. Throws a TypeError for options that exclude each other. */
export function createTestServer(options: TestServerOptions): TestServer {
  const { domains, clock = systemClock, random = seededRandom(DEFAULT_SEED), log = silent } = options;
  const backend = options.backend ?? createMemoryBackend({ clock, random });
  const { registry, service, systemClient } = serve(options, { backend, clock, random, log });
  const inner = createRouterTransport(service.routes.connect, {
    router: { jsonOptions: { registry: service.routes.schemas } },
  });
  const started = systemClient === undefined ? undefined : service.start();
  const transport = started === undefined ? inner : startedBefore(inner, started);
  const closed = new AbortController();
  const connect = (through: Transport): Client =>
    createClient({ transport: through, clock, random, signal: closed.signal });
  const controllers =
    options.controllers ?? domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
  const run = (client: Client, its: readonly AnyController[]): ControllerRuntime => {
    const runtime = createControllerRuntime({ client, controllers: its, clock, log });
    runtime.start();
    return runtime;
  };
  const runtime = run(connect(createFaultyTransport(transport, options.controllerFaults ?? {})), controllers);
  const runtimes = [
    runtime,
    ...(systemClient === undefined ? [] : [run(systemClient, systemControllers({ clock }))]),
  ];
  return {
    client: connect(transport),
    transport,
    backend,
    registry,
    runtime,
    settled: () => untilSettled({ runtimes, backend, timeStandsStill: isVirtual(clock) }),
    async close() {
      await started?.catch(() => undefined);
      const stopped = Promise.all(runtimes.map((one) => one.stop()));
      if (isVirtual(clock)) await letTimePass(clock, stopped);
      await stopped;
      closed.abort();
      await service.stop();
      await backend.close();
    },
  };
}

/** A transport whose calls wait until the server has started: its default tenancy is there, and a test need not wait for it by itself. */
function startedBefore(inner: Transport, started: Promise<void>): Transport {
  // Why it failed is told to each call.
  started.catch(() => undefined);
  return createFaultyTransport(inner, { request: () => started });
}

/** The resource service of a test, and the system's own client of it where the system is there. */
interface Served {
  readonly registry: Registry;
  readonly service: ResourceServicePart;
  readonly systemClient?: Client;
}

interface ServeDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
}

function serve(options: TestServerOptions, deps: ServeDeps): Served {
  const { domains, authenticator, authorizer, tenancy, config, system = false } = options;
  if (!system) {
    const registry = createRegistry(domains);
    const service = createResourceService({ registry, authenticator, authorizer, tenancy, ...deps }, config);
    return { registry, service };
  }
  if (tenancy !== undefined)
    throw new TypeError("expected either system or tenancy; found both: the system has a policy of its own");
  const { registry, part, systemClient } = serveResources(
    { domains, authenticator, authorizer, processSecret: SYSTEM_SECRET, ...deps },
    config,
  );
  return { registry, service: part, systemClient };
}

/** Nothing but the test reaches the server. */
const SYSTEM_SECRET = "the secret of a test's server";

/** What a controller may take to stop, and more. */
const STOP_MS = 10_000;

function isVirtual(clock: Clock): clock is VirtualClock {
  return "advance" in clock;
}

/** Where time stands still, a controller that does not stop by itself would never run out of it. */
async function letTimePass(clock: VirtualClock, stopped: Promise<unknown>): Promise<void> {
  let done = false;
  void stopped.then(() => (done = true));
  await clock.flush();
  if (!done) await clock.advance(STOP_MS);
}
