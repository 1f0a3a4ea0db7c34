import type { Domain } from "@trellis/registry";
import { type Clock, type Random, STORE_HEADER, VERSION_HEADER } from "@trellis/resource";
import { type Part, patientPart, type Routes, type ServerLog } from "@trellis/server";
import { type Backend, StorageError } from "@trellis/storage";

import { serveResources } from "./served-resources.ts";

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

/** A gateway, for a server to serve. */
export interface Gateway {
  readonly parts: readonly Part[];
  /** Which store answers, and how far it is; nothing while none is known. */
  readonly commonHeaders: () => Readonly<Record<string, string>>;
  /** How many types it serves. */
  readonly types: number;
}

/** Makes a gateway: resources on a backend that need not be there yet, and what operators ask of it. */
export function createGateway(deps: GatewayDeps): Gateway {
  const { backend, clock, log } = deps;
  const resources = serveResources(deps);
  const { operatorRoutes } = backend;
  const waitsFor = backend.waitsFor === undefined ? undefined : () => backend.waitsFor?.();
  const part =
    waitsFor === undefined
      ? resources.part
      : patientPart(resources.part, { clock, log, waitsFor, begins: "the default tenancy is being made" });
  return {
    parts: operatorRoutes === undefined ? [part] : [part, operators(operatorRoutes)],
    commonHeaders: () => positionHeaders(backend),
    types: resources.registry.types().length,
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
