import { createRouterTransport, type Transport } from "@connectrpc/connect";
import type { Authenticator, Authorizer } from "@trellis/authz";
import { type Client, createClient } from "@trellis/client";
import type { AnyController, ControllerLog } from "@trellis/controller";
import type { ControllerRuntime } from "@trellis/controller/runtime";
import { createRegistry, type Domain, type Registry } from "@trellis/registry";
import { type Clock, CLUSTER_SECRET_HEADER, type Random, systemClock } from "@trellis/resource";
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
import { startControllers } from "./restartable-controllers.ts";
import { seededRandom } from "./seeded-random.ts";
import { untilSettled } from "./settled.ts";
import { isVirtual } from "./virtual-clock.ts";

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
  /** Decides which of the names of a controller that are ready is taken next: the most urgent, in the order in which they came, when absent. */
  readonly order?: Random | undefined;
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
  readonly controllerFaults?: Faults | undefined;
}

/** A whole server in this process's memory: real registry, service, store and controllers, without a network. */
export interface TestServer {
  readonly client: Client;
  /** For clients of the test's own. */
  readonly transport: Transport;
  readonly backend: Backend;
  readonly registry: Registry;
  /** What runs the controllers now; the system's own have another. */
  readonly runtime: ControllerRuntime;
  /**
   * Resolves once the controllers have seen everything that is stored and have nothing left to do; what waits for a later time by its own wish
   * (`after`) does not count. Throws when that takes too long, saying who is busy.
   */
  settled(): Promise<void>;
  /**
   * Ends all controllers where they stand, as when their process is killed, and starts them anew: calls under way are cut off, carried out or not; caches, queues and
   * what was to be tried again are forgotten. `runtime` is another one afterwards.
   */
  restart(): Promise<void>;
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

/** Starts a server in memory; its controllers run. Throws a TypeError for options that exclude each other, and for domains that are none. */
export function createTestServer(options: TestServerOptions): TestServer {
  const { domains, clock = systemClock, random = seededRandom(DEFAULT_SEED), log = silent } = options;
  const wrong = domains.findIndex((domain: Partial<Domain> | undefined) => domain?.types === undefined);
  if (wrong !== -1)
    throw new TypeError(
      `domains[${wrong}] must be a domain, made by defineDomain(…); found ${typeof domains[wrong]}: a domain module's default export is one`,
    );
  const backend = options.backend ?? createMemoryBackend({ clock, random });
  const { registry, service, isSystem } = serve(options, { backend, clock, random, log });
  const inner = createRouterTransport(service.routes.connect, {
    router: { jsonOptions: { registry: service.routes.schemas } },
  });
  const started = isSystem ? service.start() : undefined;
  const transport = started === undefined ? inner : startedBefore(inner, started);
  const closed = new AbortController();
  const base = {
    transport: createFaultyTransport(transport, options.controllerFaults ?? {}),
    clock,
    random,
    spread: options.random,
    order: options.order,
    log,
  };
  const controllers =
    options.controllers ?? domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
  const own = startControllers({ ...base, controllers });
  const headers = { [CLUSTER_SECRET_HEADER]: SYSTEM_SECRET };
  const all = isSystem
    ? [own, startControllers({ ...base, headers, controllers: systemControllers({ clock }) })]
    : [own];
  return {
    client: createClient({ transport, clock, random, signal: closed.signal }),
    transport,
    backend,
    registry,
    get runtime() {
      return own.runtime;
    },
    settled: () =>
      untilSettled({
        runtimes: all.map(({ runtime }) => runtime),
        backend,
        timeStandsStill: isVirtual(clock),
      }),
    async restart() {
      for (const one of all) await one.restart();
    },
    async close() {
      await started?.catch(() => undefined);
      for (const one of all) await one.stop();
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

/** The resource service of a test. */
interface Served {
  readonly registry: Registry;
  readonly service: ResourceServicePart;
  /** Whether the system's types and rules are there. */
  readonly isSystem: boolean;
}

interface ServeDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
}

function serve(options: TestServerOptions, deps: ServeDeps): Served {
  const { domains, authenticator, authorizer, tenancy, config, system: isSystem = false } = options;
  if (!isSystem) {
    const registry = createRegistry(domains);
    const service = createResourceService({ registry, authenticator, authorizer, tenancy, ...deps }, config);
    return { registry, service, isSystem };
  }
  if (tenancy !== undefined)
    throw new TypeError("expected either system or tenancy; found both: the system has a policy of its own");
  const { registry, part } = serveResources(
    { domains, authenticator, authorizer, processSecret: SYSTEM_SECRET, ...deps },
    config,
  );
  return { registry, service: part, isSystem };
}

/** Nothing but the test reaches the server. */
const SYSTEM_SECRET = "the secret of a test's server";
