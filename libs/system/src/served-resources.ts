import {
  anonymousAuthenticator,
  type Authenticator,
  type Authorizer,
  createClusterSecretAuthenticator,
} from "@trellis/authz";
import { type Client, createClient } from "@trellis/client";
import { createRegistry, type Domain, type Registry } from "@trellis/registry";
import { type Clock, CLUSTER_SECRET_HEADER, type Random } from "@trellis/resource";
import {
  createResourceService,
  type ResourceServiceConfig,
  type ResourceServicePart,
  type ServiceLog,
} from "@trellis/resource-service";
import type { Backend } from "@trellis/storage";

import { systemDomain } from "./domain.ts";
import { createLocalTransport } from "./local/local-transport.ts";
import { ensureDefaultTenancy } from "./tenancy/default-tenancy.ts";
import { createStoredTenancy } from "./tenancy/stored-tenancy.ts";

/** What a served store is made of. */
export interface ServedResourcesDeps {
  readonly backend: Backend;
  /** Beside the system's own. */
  readonly domains: readonly Domain[];
  /** Known to this process alone: its own calls are the system's by it. Not to be guessed. */
  readonly processSecret: string;
  /** Known to all parts of the cluster; absent when no other process acts as the system here. */
  readonly clusterSecret?: string | undefined;
  /** Who callers without a secret are; anonymous when absent. */
  readonly authenticator?: Authenticator | undefined;
  readonly authorizer?: Authorizer | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: ServiceLog | undefined;
}

/** The resource service with the system's types and rules around it. */
export interface ServedResources {
  readonly registry: Registry;
  /** Starting it makes the default tenancy, unless it is there. */
  readonly part: ResourceServicePart;
  /** Reach the service within the process: no wire, the same handlers. The first is a caller like any other, the second is the system. */
  readonly client: Client;
  readonly systemClient: Client;
}

/**
 * Without a wire and with a store in memory, a chain of calls would never leave this turn of the event loop, and a controller that deletes
 * thousands of resources would keep everybody else's requests from being read.
 */
const letOthersGo = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Serves resources on a backend as a cluster does: with tombstones, stored tenancies, and an identity for the system. */
export function serveResources(
  deps: ServedResourcesDeps,
  config: ResourceServiceConfig = {},
): ServedResources {
  const { backend, domains, processSecret, clusterSecret, authorizer, clock, random, log } = deps;
  const registry = createRegistry([systemDomain, ...domains]);
  const secrets = [processSecret, ...(clusterSecret === undefined ? [] : [clusterSecret])];
  const others = deps.authenticator ?? anonymousAuthenticator;
  const part = createResourceService(
    {
      registry,
      backend,
      authenticator: createClusterSecretAuthenticator(secrets, others),
      authorizer,
      tenancy: createStoredTenancy(backend, clock),
      clock,
      random,
      log,
    },
    { ...config, tombstones: true },
  );
  const transport = createLocalTransport(part.routes.connect, { clock, before: letOthersGo });
  const client = createClient({ transport, clock, random });
  const headers = { [CLUSTER_SECRET_HEADER]: processSecret };
  const systemClient = createClient({ transport, clock, random, headers });
  return {
    registry,
    part: {
      ...part,
      async start() {
        await part.start();
        await ensureDefaultTenancy(systemClient);
      },
    },
    client,
    systemClient,
  };
}
