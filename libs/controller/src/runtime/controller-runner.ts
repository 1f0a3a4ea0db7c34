import type { Client } from "@trellis/client";
import type { Clock, TypedResource } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { ControllerLog, Request, Result, WatchDefinition } from "../controller.ts";
import type { AnyController } from "../define.ts";
import type { Informer } from "./informer.ts";
import { namedLog } from "./named-log.ts";
import { cachesShow, type OwnWrite } from "./own-writes.ts";
import { createReconcileClient } from "./reconcile-client.ts";
import { keyOf, requestFrom } from "./request-key.ts";
import { checkResult } from "./check-result.ts";
import { ReconcileTally } from "./tally.ts";
import { WatchMapping } from "./watch-mapping.ts";
import { type Backoff, WorkQueue } from "./work-queue.ts";

/** What a controller runs on. */
export interface RunnerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: ControllerLog;
  readonly informers: ReadonlyMap<string, Informer>;
  readonly cache: Cache;
}

/** The waits of the reference: 5 ms doubling to 1,000 s. */
const DEFAULT_BACKOFF: Backoff = { baseMs: 5, maxMs: 1_000_000 };
/** A reconcile that takes longer than this is told in the log: it holds up a worker. */
export const LONG_RUN_MS = 60_000;
/** After this many failures in a row (about a second) a reconcile's failure is a warning. */
const LASTING_FAILURES = 8;

/** Drives one controller: maps changes to names, and reconciles each name on one worker at a time. Nothing that it throws gets out. */
export class ControllerRunner {
  readonly definition: AnyController;
  readonly tally: ReconcileTally;
  readonly #deps: RunnerDeps;
  readonly #log: ControllerLog;
  readonly #queue: WorkQueue;
  readonly #mappings: readonly WatchMapping[];
  readonly #stop = new AbortController();
  /** Aborted once nobody waits any longer for what is under way: it writes nothing more then. */
  readonly #cutOff = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #running = new Set<Promise<void>>();
  /** Runs under way, those that only wait for the cache apart. */
  #busy = 0;
  #ready = false;

  constructor(definition: AnyController, deps: RunnerDeps) {
    this.definition = definition;
    this.#deps = deps;
    this.#log = namedLog(deps.log, { controller: definition.name });
    this.tally = new ReconcileTally(deps.clock);
    this.#queue = new WorkQueue(deps.clock, definition.backoff ?? DEFAULT_BACKOFF, () => this.#dispatch());
    this.#mappings = (definition.watches ?? []).map((watch) => this.#createMapping(watch));
  }

  /** The types whose caches it needs. */
  get types() {
    return [this.definition.type, ...(this.definition.watches ?? []).map(({ type }) => type)];
  }

  /**
   * Once. Waits for the caches, until they show the store as of `since` where that is given; then reconciles everything that is there, and from then on what
   * changes.
   */
  async start(since?: string): Promise<void> {
    const { signal } = this.#stop;
    const ready = this.types.map(async (type) => {
      const informer = this.#informer(type.gvk);
      await informer.synced;
      if (since !== undefined) await informer.showing(since, signal);
    });
    await Promise.race([Promise.all(ready), whenAborted(signal)]);
    if (this.#stop.signal.aborted) return;
    this.#unsubscribe.push(
      this.#informer(this.definition.type.gvk).subscribe(({ key }) => this.#queue.add(key)),
    );
    for (const mapping of this.#mappings) {
      const informer = this.#informer(mapping.watch.type.gvk);
      this.#unsubscribe.push(informer.subscribe((change) => mapping.changed(change)));
    }
    this.#ready = true;
    this.#enqueueAll();
  }

  /**
   * Waits for at most `graceMs` for what is under way, whose signal is aborted; what is not done then can call nobody any more. Cut off at once, it cannot
   * meanwhile either.
   */
  async stop(graceMs: number, { cutOff }: { readonly cutOff: "at once" | "after the grace" }): Promise<void> {
    this.#stop.abort();
    if (cutOff === "at once") this.#cutOff.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#queue.stop();
    for (const mapping of this.#mappings) mapping.stop();
    let cancel = (): void => undefined;
    const graceIsOver = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.after(graceMs, resolve);
    });
    await Promise.race([Promise.all(this.#running), graceIsOver]);
    cancel();
    this.#cutOff.abort();
    if (this.#running.size > 0)
      this.#log.warn({ running: this.#running.size }, "reconciles did not end in time; they are cut off");
  }

  status() {
    const mapping = this.#mappings.reduce((sum, one) => sum + one.pending, 0);
    return {
      name: this.definition.name,
      state: this.#stop.signal.aborted
        ? ("stopped" as const)
        : this.#ready
          ? ("running" as const)
          : ("waiting" as const),
      queued: this.#queue.waiting,
      running: this.#queue.processing,
      retrying: this.#queue.retrying,
      mapping,
      ...this.tally.figures(),
      idle:
        this.#ready && this.#queue.waiting + this.#queue.processing + this.#queue.retrying + mapping === 0,
    };
  }

  #informer(gvk: string): Informer {
    const informer = this.#deps.informers.get(gvk);
    if (informer === undefined) throw new Error(`no informer for ${gvk}`);
    return informer;
  }

  #createMapping(watch: WatchDefinition): WatchMapping {
    return new WatchMapping(watch, {
      controller: this.definition,
      cache: this.#deps.cache,
      clock: this.#deps.clock,
      log: this.#log,
      enqueue: (requests) => this.#enqueue(watch, requests),
      enqueueAll: () => this.#enqueueAll(),
      failed: (error) => this.tally.failed(error),
    });
  }

  #enqueue(watch: WatchDefinition, requests: readonly Request[]): void {
    // What a resource was and what it is mostly concern the same names: each is added once.
    const keys = new Set<string>();
    for (const request of requests) {
      const { partition, namespace, name } = (request ?? {}) as Partial<Request>;
      const whole = [partition, namespace, name].every((part) => typeof part === "string") && name !== "";
      if (whole) keys.add(keyOf(request));
      else {
        const fields = { watched: watch.type.gvk, request };
        this.#log.error(fields, "a mapper returned something that is no request; expected requestOf(id)");
      }
    }
    for (const key of keys) this.#queue.add(key);
  }

  /** Everything that is managed, and everything that what is watched maps to, be it there or not. */
  #enqueueAll(): void {
    for (const key of this.#informer(this.definition.type.gvk).cache.keys()) this.#queue.add(key);
    for (const mapping of this.#mappings) mapping.changedAll(this.#informer(mapping.watch.type.gvk).cache);
  }

  #dispatch(): void {
    const { concurrency = 1 } = this.definition;
    while (this.#ready && this.#busy < concurrency) {
      const key = this.#queue.take();
      if (key === undefined) return;
      this.#busy += 1;
      const run = this.#run(key).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
  }

  async #run(key: string): Promise<void> {
    const writes: OwnWrite[] = [];
    this.#handle(key, await this.#reconcile(key, writes));
    this.#busy -= 1;
    queueMicrotask(() => this.#dispatch());
    const { informers, clock } = this.#deps;
    await cachesShow(writes, informers, { clock, signal: this.#stop.signal });
    this.#queue.finish(key);
  }

  async #reconcile(key: string, writes: OwnWrite[]): Promise<Result> {
    const request = requestFrom(key);
    const { cache, client, clock } = this.#deps;
    const log = namedLog(this.#log, { request });
    const end = this.tally.begin(key);
    const cancelReport = clock.after(LONG_RUN_MS, () =>
      log.warn({ runningMs: LONG_RUN_MS }, "a reconcile takes long; until it ends it holds up a worker"),
    );
    try {
      const result = await this.definition.reconcile({
        request,
        resource: this.#informer(this.definition.type.gvk).cache.get(key) as TypedResource<never> | undefined,
        cache,
        client: createReconcileClient(client, {
          note: (write) => writes.push(write),
          cutOff: this.#cutOff.signal,
        }),
        log,
        signal: this.#stop.signal,
      });
      return checkResult(result);
    } catch (error) {
      return { kind: "retry", error };
    } finally {
      cancelReport();
      end();
    }
  }

  #handle(key: string, result: Result): void {
    switch (result.kind) {
      case "done":
        this.#queue.forget(key);
        return;
      case "after":
        this.#queue.forget(key);
        this.#queue.addAfter(key, result.delayMs);
        return;
      case "terminal":
        this.#queue.forget(key);
        this.#failed(key, result.error, "a reconcile failed for good; it waits for a change");
        return;
      case "retry":
        this.#queue.addAfterFailure(key);
        this.#failed(key, result.error, "a reconcile failed; it is tried again");
    }
  }

  #failed(key: string, error: unknown, message: string): void {
    if (this.#stop.signal.aborted) return;
    this.tally.failed(error);
    const failures = this.#queue.failures(key);
    const fields = { request: requestFrom(key), failures, err: error };
    // The first failures are often about what is not there yet; only those that last are worth a warning.
    if (failures >= LASTING_FAILURES || failures === 0) this.#log.warn(fields, message);
    else this.#log.debug(fields, message);
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
