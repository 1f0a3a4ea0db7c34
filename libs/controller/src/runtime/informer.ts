import type { Client, ListQuery } from "@trellis/client";
import type { Clock, ResourceType, TypedResource } from "@trellis/resource";

import type { Index } from "../cache.ts";
import type { Transform } from "../controller.ts";
import type { ControllerLog } from "../log.ts";
import { namedLog } from "./named-log.ts";
import { requestFrom } from "./request-key.ts";
import { type CacheChange, cacheKey, type IndexFailure, TypeCache } from "./type-cache.ts";

/** What an informer runs on. */
export interface InformerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: ControllerLog;
  /** What to watch of the type: everything when absent. */
  readonly query?: ListQuery | undefined;
  /** What is kept of a resource: all of it when absent. */
  readonly transform?: Transform | undefined;
}

/** The wait before a watch that ended for good is opened again. */
const REOPEN_MS = 5_000;

/** Keeps one type's cache current with one watch, however many controllers look at it. */
export class Informer {
  readonly cache: TypeCache;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: ControllerLog;
  readonly #query: ListQuery;
  readonly #transform: Transform | undefined;
  readonly #listeners = new Set<(change: CacheChange) => void>();
  readonly #positionListeners = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  /** The names that the watch told since it was opened, until it has told everything; what else the cache has is gone then. */
  #told: Set<string> | undefined;
  #version: string | undefined;
  #isSynced = false;
  #lastError: unknown;
  #running: Promise<void> | undefined;
  /** Has the watch come to the present soon. */
  #refresh = (): void => undefined;

  constructor(type: ResourceType, { client, clock, log, query = {}, transform }: InformerDeps) {
    this.#query = query;
    this.#transform = transform;
    this.cache = new TypeCache(type);
    this.#client = client;
    this.#clock = clock;
    this.#log = namedLog(log, { type: type.gvk });
  }

  /** Whether the cache has shown everything that was there. */
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

  /** The store version up to which the cache shows everything of the type, decimal; undefined before the first. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Whether it sees a part of the type alone: what leaves or never enters that part brings no news of how far the watch has come. */
  get isSelective(): boolean {
    return Object.values(this.#query).some((term) => term !== undefined);
  }

  /** Adds an index, over what is there already too. */
  addIndex(index: Index): void {
    this.cache.addIndex(index, (failure) => this.#indexFailed(failure));
  }

  /** Has the watch come to the present soon, unless it is about to: a snapshot that is under way would begin anew. */
  refresh(): void {
    if (this.#told === undefined) this.#refresh();
  }

  /** Calls back after each change of the cache. */
  subscribe(listener: (change: CacheChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back whenever {@link version} has moved. */
  onVersion(listener: () => void): () => void {
    this.#positionListeners.add(listener);
    return () => this.#positionListeners.delete(listener);
  }

  /**
   * Resolves once the cache shows the store as of a version or later, or the signal ends the wait. The client must have seen that version: then a watch that tells
   * nothing, because nothing changes, can be asked how far it has come.
   */
  async showing(version: string, signal: AbortSignal): Promise<void> {
    const isShown = (): boolean => this.#version !== undefined && !isOlder(this.#version, version);
    let asked = false;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isShown() && !signal.aborted) {
          if (this.#told === undefined && !asked) {
            asked = true;
            this.refresh();
          }
          return;
        }
        stopLooking();
        signal.removeEventListener("abort", look);
        resolve();
      };
      const stopLooking = this.onVersion(look);
      signal.addEventListener("abort", look, { once: true });
      look();
    });
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
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#lastError = error;
        this.#log.error({ err: error }, "a watch ended; it is opened again");
      }
      if (!signal.aborted) await this.#pause();
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    this.#told = new Set();
    const watch = this.#client.watch(this.cache.type, this.#query, {
      signal,
      onPosition: ({ version }) => this.#reached(version),
      onRefresher: (refresh) => (this.#refresh = refresh),
      // Not done here: the watch would keep the whole of it.
      transform: this.#transform === undefined ? undefined : (resource) => this.#transformed(resource),
      onInterrupt: (error) => {
        this.#lastError = error;
        this.#log.debug({ err: error }, "a watch was cut; it is resumed");
      },
    });
    for await (const item of watch) {
      this.#lastError = undefined;
      if (item.kind === "endOfSnapshot") this.#endSnapshot();
      else if (item.kind === "upsert") this.#upsert(item.resource);
      else this.#apply(cacheKey(item.resource), undefined);
    }
  }

  #upsert(resource: TypedResource): void {
    const key = cacheKey(resource);
    this.#told?.add(key);
    const cached = this.cache.get(key);
    // A watch that was opened anew tells what the cache knows.
    if (cached?.version === resource.version && cached.id.uid === resource.id.uid) return;
    this.#apply(key, resource);
  }

  /** What is kept of a resource. Its identity is never left to the function: everything is told apart by it. */
  #transformed(resource: TypedResource): TypedResource {
    if (this.#transform === undefined) return resource;
    try {
      const { status, data } = (this.#transform(resource) ?? {}) as Partial<TypedResource>;
      if (!isObject(status) || !isObject(data))
        throw new TypeError("a transform must return a resource, with data and status; found none");
      return { ...resource, status, data };
    } catch (error) {
      const request = requestFrom(cacheKey(resource));
      this.#log.error({ resource: request, err: error }, "a transform failed; the resource is kept whole");
      return resource;
    }
  }

  #endSnapshot(): void {
    const told = this.#told;
    this.#told = undefined;
    for (const key of told === undefined ? [] : this.cache.keys())
      if (told?.has(key) !== true) this.#apply(key, undefined);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  #apply(key: string, resource: TypedResource | undefined): void {
    const change = this.cache.apply(key, resource, (failure) => this.#indexFailed(failure));
    if (change.previous === undefined && change.next === undefined) return;
    for (const listener of this.#listeners) this.#tell(listener, change);
  }

  /** A listener that fails keeps no other from the change: the watch does not tell it again. */
  #tell(listener: (change: CacheChange) => void, change: CacheChange): void {
    try {
      listener(change);
    } catch (error) {
      const resource = requestFrom(change.key);
      this.#log.error({ resource, err: error }, "a listener of a cache failed; the others go on");
    }
  }

  #indexFailed({ index, key, error }: IndexFailure): void {
    this.#log.error(
      { index: index.name, resource: requestFrom(key), err: error },
      "an index function failed; the resource is not found through that index",
    );
  }

  #reached(version: string): void {
    this.#lastError = undefined;
    this.#version = version;
    for (const listener of this.#positionListeners) listener();
  }

  #pause(): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#clock.after(REOPEN_MS, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether a store version, in decimal, is older than another. */
export function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
