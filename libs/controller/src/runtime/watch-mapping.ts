import type { Clock, Random, ResourceType, TypedResource } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { ChangeFilter } from "../change.ts";
import { changePasses } from "../changed.ts";
import type { ControllerLog, Request } from "../controller.ts";
import type { Mapper } from "../mapper.ts";
import { MappingQueue } from "./mapping-queue.ts";
import { requestFrom } from "./request-key.ts";
import type { CacheChange, TypeCache } from "./type-cache.ts";
import type { Priority } from "./work-queue.ts";

export { LONG_MAPPING_MS, MAX_STATES } from "./mapping-queue.ts";

/** A watch with a mapper. */
export interface MappedWatch {
  readonly type: ResourceType;
  readonly map: Mapper;
  /** Which changes the mapper sees: all when absent. */
  readonly when?: ChangeFilter | undefined;
}

/** What a mapping runs on. */
export interface MappingDeps {
  readonly controller: { readonly type: ResourceType };
  readonly cache: Cache;
  readonly clock: Clock;
  readonly random?: Random | undefined;
  /** Names the controller. */
  readonly log: ControllerLog;
  readonly enqueue: (requests: readonly Request[], priority: Priority) => void;
  /** Reconciles everything: the way out when states had to be let go. */
  readonly enqueueAll: () => void;
  /** Told of each failure of the mapper, and of the filter. */
  readonly failed: (error: unknown) => void;
}

/**
 * Turns changes of one watched type into names to reconcile. The mapper sees every state that a resource had, what it was before a change and what it is after: so what a moved
 * reference pointed to is reconciled too. A mapper that fails is tried again on the same states.
 */
export class WatchMapping {
  readonly watch: MappedWatch;
  readonly #deps: MappingDeps;
  readonly #queue: MappingQueue<TypedResource>;

  constructor(watch: MappedWatch, deps: MappingDeps) {
    this.watch = watch;
    this.#deps = deps;
    const { cache, clock, random, controller, enqueue, enqueueAll } = deps;
    this.#queue = new MappingQueue({
      clock,
      random,
      map: (resource) => watch.map({ resource, cache, managed: controller.type }),
      enqueue,
      enqueueAll,
      failed: (key, error) => this.#failed(key, error, "a mapper failed; it is tried again"),
      slow: (key) =>
        this.#tell(key, {}, "a mapper takes long; until it ends no other change of the type is mapped"),
    });
  }

  /** Resources whose mapper has not succeeded yet. */
  get pending(): number {
    return this.#queue.pending;
  }

  changed({ key, previous, next }: Pick<CacheChange, "key" | "previous" | "next">): void {
    const passes = changePasses(this.watch.when, { previous, next }, (error) =>
      this.#failed(key, error, "a filter failed; the change counts"),
    );
    if (passes) this.#add(key, [previous, next], "dependency");
  }

  /** Maps everything that a cache has. */
  changedAll(cache: TypeCache): void {
    for (const key of cache.keys()) this.#add(key, [cache.get(key)], "start");
  }

  stop(): void {
    this.#queue.stop();
  }

  #add(key: string, states: readonly (TypedResource | undefined)[], priority: Priority): void {
    this.#queue.add(
      key,
      states.filter((state) => state !== undefined),
      priority,
    );
  }

  #failed(key: string, error: unknown, message: string): void {
    this.#deps.failed(error);
    this.#tell(key, { err: error }, message);
  }

  #tell(key: string, fields: object, message: string): void {
    this.#deps.log.warn({ watched: this.watch.type.gvk, resource: requestFrom(key), ...fields }, message);
  }
}
