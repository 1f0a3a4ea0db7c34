import { createValidator, type Validator } from "@bufbuild/protovalidate";
import type { Authenticator, Authorizer } from "@trellis/authz";
import type { Registry } from "@trellis/registry";
import type { Clock, Random } from "@trellis/resource";
import type { Backend } from "@trellis/storage";

import { RememberedGuards } from "./remembered-guards.ts";
import { compileRe2, rememberMatches } from "./remembered-matches.ts";
import { ResultMemory } from "./result-memory.ts";
import { Turns } from "./turns.ts";
import { defaultTenancyPolicy, type TenancyPolicy } from "./tenancy.ts";

/** Where the service tells its operators what clients must not see. A pino logger fits. */
export interface ServiceLog {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What the service works on. */
export interface ResourceServiceDeps {
  readonly backend: Backend;
  readonly registry: Registry;
  /** Takes everyone for anonymous when absent. */
  readonly authenticator?: Authenticator | undefined;
  /** Allows everything when absent. */
  readonly authorizer?: Authorizer | undefined;
  /** {@link defaultTenancyPolicy} when absent. */
  readonly tenancy?: TenancyPolicy | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Mints uids and generations; from clock and randomness when absent. */
  readonly ulid?: (() => string) | undefined;
  readonly log?: ServiceLog | undefined;
}

/** What may be set about the service. */
export interface ResourceServiceConfig {
  /** Leaves a tombstone in the commit of each deletion, for a reaper to follow. Off by default: something must remove them. */
  readonly tombstones?: boolean | undefined;
  /** Silence after which a watch that asked for bookmarks gets one, in milliseconds. */
  readonly bookmarkIntervalMs?: number | undefined;
  /** Open watches at a time. */
  readonly maxWatches?: number | undefined;
}

/** What every method is given: the dependencies, completed, and what they share. */
export interface Environment extends ResourceServiceDeps {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly ulid: () => string;
  readonly tenancy: TenancyPolicy;
  readonly log: ServiceLog;
  readonly validator: Validator;
  readonly turns: Turns;
  /** How many batches are under way, and where their results wait. */
  readonly batches: { underWay: number; readonly memory: ResultMemory };
  /** What was last seen of the units that mutations add to. */
  readonly guards: RememberedGuards;
  /** Whether answers go straight to whoever encodes them, so that they may have resources as they are stored; otherwise somebody here looks into them. */
  readonly answersAsStored: boolean;
  readonly config: ResourceServiceConfig;
}

/** Completes the dependencies. */
export function createEnvironment(
  deps: ResourceServiceDeps & Pick<Environment, "authenticator" | "authorizer" | "ulid">,
  config: ResourceServiceConfig,
): Environment {
  return {
    ...deps,
    tenancy: deps.tenancy ?? defaultTenancyPolicy,
    log: deps.log ?? { error: () => undefined },
    validator: createValidator({ regexMatch: rememberMatches(compileRe2) }),
    turns: new Turns(),
    batches: { underWay: 0, memory: new ResultMemory() },
    guards: new RememberedGuards(),
    answersAsStored: false,
    config,
  };
}
