import type { Domain } from "@trellis/registry";
import { type Clock, type Random, STORE_HEADER, VERSION_HEADER } from "@trellis/resource";
import {
  createServer,
  DEFAULT_LIMITS,
  type Part,
  patientPart,
  type Routes,
  type ServerConfig,
  type ServerLog,
  type StartedServer,
} from "@trellis/server";
import { type Backend, StorageError } from "@trellis/storage";
import { serveResources } from "@trellis/system";

/** How long before its grace ends, or by half of it, a call that still waits for the storage is told that it was not done: when its connection is cut it would not know. */
const LAST_WORD_MS = 500;

/** A backend, and what else its process can offer with it. */
export interface GatewayBackend extends Backend {
  /** What operators ask of the storage; absent when there is none to ask. */
  readonly operatorRoutes?: Routes["connect"] | undefined;
  /** What calls wait for, in words, when the storage need not be there; undefined while it is. Absent when it always is. */
  readonly waitsFor?: (() => string | undefined) | undefined;
}

/** What a gateway is made of. */
export interface GatewayDeps {
  readonly backend: GatewayBackend;
  /** Beside the system's own. */
  readonly domains: readonly Domain[];
  /** Known to this process alone, and not to be guessed. */
  readonly processSecret: string;
  readonly clusterSecret: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ServerLog;
}

/** Resources on a port. */
export interface Gateway {
  /** How many types it serves. */
  readonly types: number;
  /** Listens. Resources are there as soon as the storage is. Throws a ListenError. */
  start(): Promise<StartedServer>;
  /** Lets requests under way finish, for which the storage has to be there, and closes the backend. */
  stop(): Promise<void>;
}

/** Makes a gateway: resources on a backend that need not be there yet, and what operators ask of it. */
export function createGateway(deps: GatewayDeps, config: ServerConfig): Gateway {
  const { backend, clock, log } = deps;
  const resources = serveResources(deps);
  const { operatorRoutes } = backend;
  const waitsFor = backend.waitsFor === undefined ? undefined : () => backend.waitsFor?.();
  const part =
    waitsFor === undefined
      ? resources.part
      : patientPart(resources.part, { clock, log, waitsFor, begins: "the default tenancy is being made" });
  const server = createServer({
    parts: operatorRoutes === undefined ? [part] : [part, operators(operatorRoutes)],
    config,
    log,
    clock,
    commonHeaders: () => positionHeaders(backend),
  });
  return {
    types: resources.registry.types().length,
    start: () => server.start(),
    async stop() {
      const { graceMs } = { ...DEFAULT_LIMITS, ...config.limits };
      const lastWordMs = Math.min(LAST_WORD_MS, graceMs / 2);
      const cancel = clock.after(graceMs - lastWordMs, () => void backend.close());
      await server.stop();
      cancel();
      await backend.close();
    },
  };
}

function operators(connect: NonNullable<Routes["connect"]>): Part {
  const nothing = async (): Promise<void> => undefined;
  return { name: "operators", routes: { connect }, start: nothing, stop: nothing };
}

function positionHeaders(backend: Backend): Readonly<Record<string, string>> {
  try {
    const { storeId, version } = backend.position();
    return { [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) };
  } catch (error) {
    if (StorageError.is(error)) return {};
    throw error;
  }
}
