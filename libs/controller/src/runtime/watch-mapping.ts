import type { Clock, TypedResource } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { ControllerLog, Request, WatchDefinition } from "../controller.ts";
import type { AnyController } from "../define.ts";
import { requestFrom } from "./request-key.ts";
import type { CacheChange, TypeCache } from "./type-cache.ts";
import { WorkQueue } from "./work-queue.ts";

/** What a mapping runs on. */
export interface MappingDeps {
  readonly controller: AnyController;
  readonly cache: Cache;
  readonly clock: Clock;
  /** Names the controller. */
  readonly log: ControllerLog;
  readonly enqueue: (requests: readonly Request[]) => void;
  /** Reconciles everything: the way out when states had to be let go. */
  readonly enqueueAll: () => void;
  readonly failed: (error: unknown) => void;
}

/** Waits between tries of a mapper that failed. */
const MAPPING_BACKOFF = { baseMs: 5, maxMs: 60_000 };
/** States of one resource that wait for their mapper. Beyond, the oldest are let go, and everything is reconciled instead. */
export const MAX_STATES = 64;

/** What a resource was and is since its mapper last succeeded. */
interface Waiting {
  readonly states: TypedResource[];
  overflowed: boolean;
}

/**
 * Turns changes of one watched type into names to reconcile. The mapper sees every state that a resource had, what it was before a change and what it is after: so what a moved
 * reference pointed to is reconciled too. A mapper that fails is tried again on the same states.
 */
export class WatchMapping {
  readonly watch: WatchDefinition;
  readonly #deps: MappingDeps;
  readonly #queue: WorkQueue;
  readonly #waiting = new Map<string, Waiting>();
  #mapping = false;

  constructor(watch: WatchDefinition, deps: MappingDeps) {
    this.watch = watch;
    this.#deps = deps;
    this.#queue = new WorkQueue(deps.clock, MAPPING_BACKOFF, () => void this.#drain());
  }

  /** Resources whose mapper has not succeeded yet. */
  get pending(): number {
    return this.#queue.waiting + this.#queue.processing + this.#queue.retrying;
  }

  changed({ key, previous, next }: CacheChange): void {
    const waiting = this.#waiting.get(key) ?? { states: [], overflowed: false };
    for (const state of [previous, next])
      if (state !== undefined && waiting.states.at(-1) !== state) waiting.states.push(state);
    this.#wait(key, waiting);
    this.#queue.add(key);
  }

  /** Maps everything that a cache has. */
  changedAll(cache: TypeCache): void {
    for (const key of cache.keys()) this.changed({ key, previous: undefined, next: cache.get(key) });
  }

  stop(): void {
    this.#queue.stop();
    this.#waiting.clear();
  }

  #wait(key: string, { states, overflowed }: Waiting): void {
    const kept = states.slice(-MAX_STATES);
    this.#waiting.set(key, { states: kept, overflowed: overflowed || kept.length < states.length });
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
    const taken = this.#waiting.get(key);
    if (taken === undefined) return;
    this.#waiting.delete(key);
    const { cache, controller, enqueue, enqueueAll } = this.#deps;
    try {
      const all: Request[] = [];
      for (const resource of taken.states) {
        const requests: unknown = await this.watch.map({ resource, cache, managed: controller.type });
        if (!Array.isArray(requests)) throw new TypeError("a mapper must return a list of requests");
        for (const request of requests as readonly Request[]) all.push(request);
      }
      enqueue(all);
      if (taken.overflowed) enqueueAll();
      this.#queue.forget(key);
    } catch (error) {
      this.#failed(key, taken, error);
    }
  }

  #failed(key: string, { states, overflowed }: Waiting, error: unknown): void {
    const newer = this.#waiting.get(key);
    this.#wait(key, {
      states: [...states, ...(newer?.states ?? [])],
      overflowed: overflowed || newer?.overflowed === true,
    });
    const watched = this.watch.type.gvk;
    this.#deps.failed(error);
    this.#deps.log.warn(
      { watched, resource: requestFrom(key), err: error },
      "a mapper failed; it is tried again",
    );
    this.#queue.addAfterFailure(key);
  }
}
