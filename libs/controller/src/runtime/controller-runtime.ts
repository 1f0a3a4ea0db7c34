import type { Client } from "@trellis/client";
import type { Clock, ResourceType } from "@trellis/resource";

import type { Index } from "../cache.ts";
import type { ControllerLog } from "../controller.ts";
import type { AnyController } from "../define.ts";
import { createCacheView } from "./cache-view.ts";
import { ControllerRunner } from "./controller-runner.ts";
import { Informer } from "./informer.ts";
import type { TypeCache } from "./type-cache.ts";

/** What controllers run on. */
export interface ControllerRuntimeOptions {
  readonly client: Client;
  readonly controllers: readonly AnyController[];
  readonly clock: Clock;
  readonly log: ControllerLog;
}

/** How one controller is doing. */
export type ControllerStatus = ReturnType<ControllerRunner["status"]>;

/** How all of them are doing. */
export interface RuntimeStatus {
  readonly controllers: readonly ControllerStatus[];
  /** Types whose cache has not shown everything yet, and why. */
  readonly waitingFor: readonly { readonly type: string; readonly error: unknown }[];
  /** Nothing is queued, running, retried or mapped. What waits for a later time by its own wish does not count. */
  readonly idle: boolean;
}

/** Controllers that run. */
export interface ControllerRuntime {
  /** Opens the watches and lets each controller run as soon as its caches are there. Returns at once; once is enough. */
  start(): void;
  /** Ends all of them: what is under way gets its signal, and 5 seconds. After that nothing of theirs writes any more. */
  stop(): Promise<void>;
  status(): RuntimeStatus;
  /** The caches, by type: for tests that compare them with a store. */
  readonly caches: ReadonlyMap<string, TypeCache>;
}

/** How long a reconcile may take to end when the runtime stops. */
const STOP_GRACE_MS = 5_000;

/** Makes a runtime. Throws TypeError when two controllers have one name. */
export function createControllerRuntime({
  client,
  controllers,
  clock,
  log,
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
  const runners = controllers.map((definition) => {
    const types = [definition.type, ...(definition.watches ?? []).map(({ type }) => type)];
    const caches = new Map(types.map((type) => [type.gvk, informerOf(type).cache]));
    for (const index of definition.indexes ?? []) caches.get(index.type.gvk)?.addIndex(index as Index);
    return new ControllerRunner(definition, {
      client,
      clock,
      log,
      informers,
      cache: createCacheView(definition.name, caches),
    });
  });

  return {
    caches: new Map([...informers].map(([gvk, { cache }]) => [gvk, cache])),
    start() {
      if (started) return;
      started = true;
      for (const informer of informers.values()) informer.start();
      for (const runner of runners) {
        runner
          .start()
          .catch((error: unknown) =>
            log.error({ controller: runner.definition.name, err: error }, "a controller did not start"),
          );
      }
    },
    async stop() {
      await Promise.all(runners.map((runner) => runner.stop(STOP_GRACE_MS)));
      await Promise.all([...informers.values()].map((informer) => informer.stop()));
    },
    status() {
      const statuses = runners.map((runner) => runner.status());
      const waitingFor = [...informers.values()]
        .filter(({ isSynced }) => !isSynced)
        .map(({ cache, lastError }) => ({ type: cache.type.gvk, error: lastError }));
      return { controllers: statuses, waitingFor, idle: statuses.every(({ idle }) => idle) };
    },
  };
}
