import type { Client } from "@trellis/client";
import type { Clock, Random, ResourceType } from "@trellis/resource";

import type { Index } from "../cache.ts";
import { checkTogether, typesOf, watchesOf } from "../check-controller.ts";
import type { AnyController } from "../define.ts";
import type { ControllerLog } from "../log.ts";
import { createCacheView } from "./cache-view.ts";
import { type Caches, type CacheShare, createCaches } from "./caches.ts";
import { type EventFilter, EventLog, type ResourceEvent } from "./event-log.ts";
import { ownerNameIndex } from "./orphans.ts";
import { PlacedController } from "./placed-controller.ts";
import { alwaysHere, type Placement } from "./placement.ts";
import { createScopedCache } from "./scoped-cache.ts";
import type { TypeCache } from "./type-cache.ts";

/** What controllers run on. */
export interface ControllerRuntimeOptions {
  readonly client: Client;
  readonly controllers: readonly AnyController[];
  readonly clock: Clock;
  readonly log: ControllerLog;
  /** Spreads retries, resyncs and restarts, so that what failed together is not tried together. Nothing is spread when absent. */
  readonly random?: Random | undefined;
  /** Decides which of the names of a controller that wait runs next, whatever their priority: for tests of what may happen in any order. */
  readonly order?: Random | undefined;
  /** Where and when they run: here and always when absent. */
  readonly placement?: Placement | undefined;
  /** Caches of the same client that other runtimes use too; its own when absent. */
  readonly caches?: Caches | undefined;
}

/** How one controller is doing. */
export type ControllerStatus = ReturnType<PlacedController["status"]>;

/** How all of them are doing. */
export interface RuntimeStatus {
  readonly controllers: readonly ControllerStatus[];
  /** Types whose cache has not shown everything yet, and why; when all have, a lease of which nobody is known to hold it. */
  readonly waitingFor: readonly { readonly type: string; readonly error: unknown }[];
  /** Controllers that run in other processes, and where. */
  readonly elsewhere: readonly { readonly name: string; readonly holder: string }[];
  /** Nothing is queued, running, retried or mapped. What waits for a later time by its own wish does not count. */
  readonly idle: boolean;
}

/** Controllers that run. */
export interface ControllerRuntime {
  /** Opens the watches and lets each controller run as soon as it is its turn and its caches are there. Returns at once; once is enough. */
  start(): void;
  /** Ends all of them: what is under way gets its signal, and 5 seconds. After that nothing of theirs writes any more. */
  stop(): Promise<void>;
  status(): RuntimeStatus;
  /** What its controllers told of resources, the last told first. */
  events(filter?: EventFilter): readonly ResourceEvent[];
  readonly definitions: readonly AnyController[];
  /** The caches of whole types, by type: for tests that compare them with a store. */
  readonly caches: ReadonlyMap<string, TypeCache>;
  /** The caches of parts of types, which a selector picks: for the same. */
  readonly selections: readonly { readonly selector: string; readonly cache: TypeCache }[];
}

/** What one controller has cached of a type. */
interface Cached {
  readonly type: ResourceType;
  readonly selector: string | undefined;
  readonly share: CacheShare;
}

/** Makes a runtime. Throws TypeError for controllers of one name, or with one key on one type. */
export function createControllerRuntime(options: ControllerRuntimeOptions): ControllerRuntime {
  const { client, controllers, clock, log, placement = alwaysHere(client) } = options;
  checkTogether(controllers);
  let started = false;
  const events = new EventLog(clock);
  const caches = options.caches ?? createCaches({ client, clock, log });
  const { placed, cached } = prepare(options, caches, events);
  const byName = new Map(placed.map((one) => [one.definition.name, one]));
  const informers = [...new Set(cached.map(({ share }) => share.informer))];

  return {
    definitions: controllers,
    caches: new Map(
      cached.flatMap(({ type, selector, share }) =>
        selector === undefined ? [[type.gvk, share.informer.cache] as const] : [],
      ),
    ),
    selections: cached.flatMap(({ selector, share }) =>
      selector === undefined ? [] : [{ selector, cache: share.informer.cache }],
    ),
    events: (filter) => events.list(filter),
    start() {
      if (started) return;
      started = true;
      for (const { share } of cached) share.start();
      placement.start(controllers, {
        begin: (name, tenure) => byName.get(name)?.begin(tenure),
        end: async (name, tenure, how) => await byName.get(name)?.end(tenure, how),
      });
    },
    async stop() {
      placement.retire();
      await Promise.all(placed.map((one) => one.stop()));
      await placement.stop();
      await Promise.all(cached.map(({ share }) => share.release()));
    },
    status() {
      const statuses = placed.map((one) => one.status());
      const unsynced = informers
        .filter(({ isSynced }) => !isSynced)
        .map(({ cache, lastError }) => ({ type: cache.type.gvk, error: lastError }));
      const elsewhere = statuses
        .filter(({ state }) => state === "standby")
        .flatMap(({ name }) => {
          const holder = placement.elsewhere(name);
          return holder === undefined ? [] : [{ name, holder }];
        });
      const placing = started && unsynced.length === 0 ? placement.waitingFor() : undefined;
      return {
        controllers: statuses,
        waitingFor: placing === undefined ? unsynced : [placing],
        elsewhere,
        idle: statuses.every(({ idle }) => idle),
      };
    },
  };
}

/** What each controller runs on, and the caches that they have a share in. */
function prepare(options: ControllerRuntimeOptions, caches: Caches, events: EventLog) {
  const { controllers, clock, log, random = () => 0, order } = options;
  const cached: Cached[] = [];
  const placed = controllers.map((definition) => {
    const ownerIndexes = (definition.owns ?? []).map((type: ResourceType) =>
      ownerNameIndex(definition.type, type),
    );
    const its = acquireCaches(caches, definition, ownerIndexes);
    cached.push(...its);
    const informers = new Map(its.map(({ type, share }) => [type.gvk, share.informer]));
    const typeCaches = new Map([...informers].map(([gvk, informer]) => [gvk, informer.cache]));
    const cache = createScopedCache(createCacheView(definition.name, typeCaches));
    const shared = { clock, random, order, log, events };
    return new PlacedController(definition, { ...shared, informers, cache, ownerIndexes });
  });
  return { placed, cached };
}

/** A share in a cache of each type that a controller sees. */
function acquireCaches(
  caches: Caches,
  definition: AnyController,
  ownerIndexes: readonly Index[],
): readonly Cached[] {
  const watches = watchesOf(definition);
  const allIndexes: readonly Index[] = [...(definition.indexes ?? []), ...ownerIndexes];
  return typesOf(definition).map((type) => {
    const { selector, transform } = watches.find((watch) => watch.type.gvk === type.gvk) ?? {};
    const indexes = allIndexes.filter((index) => index.type.gvk === type.gvk);
    return { type, selector, share: caches.acquire({ type, selector, transform, indexes }) };
  });
}
