import type { Clock, TypedResource } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { ControllerLog, Request, WatchDefinition } from "../controller.ts";
import type { AnyController } from "../define.ts";
import type { CacheChange, TypeCache } from "./type-cache.ts";
import { WorkQueue } from "./work-queue.ts";

/** What a mapping runs on. */
export interface MappingDeps {
  readonly controller: AnyController;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: ControllerLog;
  readonly enqueue: (requests: readonly Request[]) => void;
}

/** Waits between tries of a mapper that failed. */
const MAPPING_BACKOFF = { baseMs: 5, maxMs: 60_000 };
/** States of one resource that wait for their mapper. Beyond, the ones between the first and the newest are let go. */
const MAX_STATES = 64;

/**
 * Turns changes of one watched type into names to reconcile. The mapper sees every state that a resource had, what it was before a change and what it is after: so what a moved
 * reference pointed to is reconciled too. A mapper that fails is tried again on the same states.
 */
export class WatchMapping {
  readonly watch: WatchDefinition;
  readonly #deps: MappingDeps;
  readonly #queue: WorkQueue;
  readonly #states = new Map<string, TypedResource[]>();
  #mapping = false;

  constructor(watch: WatchDefinition, deps: MappingDeps) {
    this.watch = watch;
    this.#deps = deps;
    this.#queue = new WorkQueue(deps.clock, MAPPING_BACKOFF, () => void this.#drain());
  }

  /** Resources whose mapper has not succeeded yet. */
  get pending(): number {
    return this.#states.size;
  }

  changed({ key, previous, next }: CacheChange): void {
    const states = this.#states.get(key) ?? [];
    for (const state of [previous, next])
      if (state !== undefined && states.at(-1) !== state) states.push(state);
    if (states.length > MAX_STATES) states.splice(1, states.length - MAX_STATES);
    this.#states.set(key, states);
    this.#queue.add(key);
  }

  /** Maps everything that a cache has. */
  changedAll(cache: TypeCache): void {
    for (const key of cache.keys()) this.changed({ key, previous: undefined, next: cache.get(key) });
  }

  stop(): void {
    this.#queue.stop();
    this.#states.clear();
  }

  async #drain(): Promise<void> {
    if (this.#mapping) return;
    this.#mapping = true;
    try {
      for (let key = this.#queue.take(); key !== undefined; key = this.#queue.take()) {
        await this.#map(key);
        this.#queue.finish(key);
      }
    } finally {
      this.#mapping = false;
    }
  }

  async #map(key: string): Promise<void> {
    const states = this.#states.get(key) ?? [];
    const count = states.length;
    const { cache, controller, enqueue, log } = this.#deps;
    try {
      for (const resource of states.slice(0, count)) {
        const requests = await this.watch.map({ resource, cache, managed: controller.type });
        if (!Array.isArray(requests)) throw new TypeError("a mapper must return a list of requests");
        enqueue(requests);
      }
      this.#queue.forget(key);
      states.splice(0, count);
      if (states.length === 0) this.#states.delete(key);
    } catch (error) {
      log.warn(
        { controller: controller.name, watch: this.watch.type.gvk, err: error },
        "a mapper failed; it is tried again",
      );
      this.#queue.addAfterFailure(key);
    }
  }
}
