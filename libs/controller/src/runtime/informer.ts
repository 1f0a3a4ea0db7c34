import type { Client } from "@trellis/client";
import type { Clock, ResourceType } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import { type CacheChange, cacheKey, TypeCache } from "./type-cache.ts";

/** Waits between two tries to open a watch that ended for good. */
const REOPEN_MS = 5_000;

/** Keeps one type's cache current with one watch, however many controllers look at it. */
export class Informer {
  readonly cache: TypeCache;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: ControllerLog;
  readonly #listeners = new Set<(change: CacheChange) => void>();
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #lastError: unknown;
  #running: Promise<void> | undefined;

  constructor(
    type: ResourceType,
    deps: { readonly client: Client; readonly clock: Clock; readonly log: ControllerLog },
  ) {
    this.cache = new TypeCache(type);
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Why the watch is not open; undefined while it is. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Resolves once the cache has shown everything that was there. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Calls back after each change of the cache. */
  subscribe(listener: (change: CacheChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const item of this.#client.watch(this.cache.type, {}, { signal })) {
          this.#lastError = undefined;
          if (item.kind === "endOfSnapshot") this.#markSynced();
          else this.#apply(cacheKey(item.resource), item.kind === "upsert" ? item.resource : undefined);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#lastError = error;
        this.#log.error({ type: this.cache.type.gvk, err: error }, "a watch ended; opening it again");
      }
      if (!signal.aborted) await this.#pause();
    }
  }

  #apply(key: string, resource: Parameters<TypeCache["apply"]>[1]): void {
    let change: CacheChange;
    try {
      change = this.cache.apply(key, resource);
    } catch (error) {
      this.#log.error(
        { type: this.cache.type.gvk, key: key.replaceAll("\0", "/"), err: error },
        "an index failed; the cache keeps what it had",
      );
      return;
    }
    for (const listener of this.#listeners) listener(change);
  }

  #markSynced(): void {
    this.#isSynced = true;
    this.#synced.resolve();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(REOPEN_MS, resolve);
      this.#stop.signal.addEventListener(
        "abort",
        () => {
          cancel();
          resolve();
        },
        { once: true },
      );
    });
  }
}
