import type { Client } from "@trellis/client";
import type { Clock, ResourceType } from "@trellis/resource";

import type { Index } from "../cache.ts";
import type { ControllerLog } from "../controller.ts";
import type { AnyController } from "../define.ts";
import { createCacheView } from "./cache-view.ts";
import { Informer } from "./informer.ts";
import { PlacedController } from "./placed-controller.ts";
import { alwaysHere, type Placement } from "./placement.ts";
import type { TypeCache } from "./type-cache.ts";

/** What controllers run on. */
export interface ControllerRuntimeOptions {
  readonly client: Client;
  readonly controllers: readonly AnyController[];
  readonly clock: Clock;
  readonly log: ControllerLog;
  /** Where and when they run: here and always when absent. */
  readonly placement?: Placement | undefined;
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
  /** The caches, by type: for tests that compare them with a store. */
  readonly caches: ReadonlyMap<string, TypeCache>;
}

/** Makes a runtime. Throws TypeError when two controllers have one name. */
export function createControllerRuntime({
  client,
  controllers,
  clock,
  log,
  placement = alwaysHere(client),
}: ControllerRuntimeOptions): ControllerRuntime {
  const names = new Set<string>();
  for (const { name } of controllers) {
    if (names.has(name)) throw new TypeError(`two controllers are called "${name}": rename one`);
    names.add(name);
  }
  let started = false;
  const informers = new Map<string, Informer>();
  const informerOf = (type: ResourceType): Informer => {
    let informer = informers.get(type.gvk);
    if (informer === undefined) {
      informer = new Informer(type, { client, clock, log });
      informers.set(type.gvk, informer);
    }
    return informer;
  };
  const placed = controllers.map((definition) => {
    const types = [definition.type, ...(definition.watches ?? []).map(({ type }) => type)];
    const caches = new Map(types.map((type) => [type.gvk, informerOf(type).cache]));
    for (const index of definition.indexes ?? []) caches.get(index.type.gvk)?.addIndex(index as Index);
    const cache = createCacheView(definition.name, caches);
    return new PlacedController(definition, { clock, log, informers, cache });
  });
  const byName = new Map(placed.map((one) => [one.definition.name, one]));

  return {
    caches: new Map([...informers].map(([gvk, { cache }]) => [gvk, cache])),
    start() {
      if (started) return;
      started = true;
      for (const informer of informers.values()) informer.start();
      placement.start([...byName.keys()], {
        begin: (name, tenure) => byName.get(name)?.begin(tenure),
        end: async (name) => await byName.get(name)?.end(),
      });
    },
    async stop() {
      placement.retire();
      await Promise.all(placed.map((one) => one.stop()));
      await placement.stop();
      await Promise.all([...informers.values()].map((informer) => informer.stop()));
    },
    status() {
      const statuses = placed.map((one) => one.status());
      const caches = [...informers.values()]
        .filter(({ isSynced }) => !isSynced)
        .map(({ cache, lastError }) => ({ type: cache.type.gvk, error: lastError }));
      const elsewhere = statuses
        .filter(({ state }) => state === "standby")
        .flatMap(({ name }) => {
          const holder = placement.elsewhere(name);
          return holder === undefined ? [] : [{ name, holder }];
        });
      const placing = started && caches.length === 0 ? placement.waitingFor() : undefined;
      return {
        controllers: statuses,
        waitingFor: placing === undefined ? caches : [placing],
        elsewhere,
        idle: statuses.every(({ idle }) => idle),
      };
    },
  };
}
