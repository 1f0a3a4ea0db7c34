import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { Cache, Index } from "../cache.ts";
import type { AnyController } from "../define.ts";
import type { ControllerLog } from "../log.ts";
import type { Result } from "../result.ts";
import type { EventLog } from "./event-log.ts";
import { HotLoops } from "./hot-loops.ts";
import type { Informer } from "./informer.ts";
import { namedLog } from "./named-log.ts";
import { cachesShow, type OwnWrite } from "./own-writes.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { createReaderCache } from "./reader-cache.ts";
import type { ReaderEdges } from "./reader-edges.ts";
import { createReconcileClient } from "./reconcile-client.ts";
import { reconcileOnce } from "./reconcile-run.ts";
import { keyOf, requestFrom } from "./request-key.ts";
import { RunPacing } from "./run-pacing.ts";
import { createScopedCache } from "./scoped-cache.ts";
import type { ReconcileTally } from "./tally.ts";
import { type RunSignals, RunTimeoutError, startTimed } from "./timed-run.ts";
import { type Backoff, type Priority, WorkQueue } from "./work-queue.ts";

/** What the workers of a controller run on. */
export interface WorkersDeps {
  readonly definition: AnyController;
  readonly client: Client;
  readonly informers: ReadonlyMap<string, Informer>;
  readonly cache: Cache;
  /** Finds what a name owns, for each owned type. */
  readonly ownerIndexes: readonly Index[];
  readonly edges: ReaderEdges;
  /** Types whose readers are recorded, `group.version.Kind`. */
  readonly readTypes: ReadonlySet<string>;
  readonly events: EventLog;
  readonly tally: ReconcileTally;
  readonly clock: Clock;
  readonly random: Random;
  /** Which of the names that wait runs next: for tests. */
  readonly order?: Random | undefined;
  /** Names the controller. */
  readonly log: ControllerLog;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
  /** Aborted when nothing of it may be called any more. */
  readonly cutOff: AbortSignal;
}

/** The waits of the reference: 5 ms doubling to 1,000 s. */
const DEFAULT_BACKOFF: Backoff = { baseMs: 5, maxMs: 1_000_000 };
/** How long after its last success a name runs again though nothing has changed, at most, in milliseconds. */
export const DEFAULT_RESYNC_MS = 8 * 60 * 60 * 1_000;
/** By up to this part of it that time is shortened at random, so that not all names run at once. */
const RESYNC_JITTER = 0.2;
/** A reconcile that takes longer than this is told in the log: it holds up a worker. */
export const LONG_RUN_MS = 60_000;
/** After this many failures in a row (about a second) a reconcile's failure is a warning. */
const LASTING_FAILURES = 8;

/** Reconciles the names of one controller, each on one worker at a time. Nothing that the author's code throws gets out. */
export class Workers {
  readonly #deps: WorkersDeps;
  readonly #queue: WorkQueue;
  readonly #hotLoops: HotLoops;
  readonly #pacing: RunPacing;
  readonly #running = new Set<Promise<void>>();
  /** Runs that hold a worker: not those that only wait for the cache, or that did not end in their time. */
  #busy = 0;
  #hung = 0;
  #dispatching = false;

  constructor(deps: WorkersDeps) {
    this.#deps = deps;
    const { definition, clock, random, order, log } = deps;
    const { minIntervalMs = 0, rateLimit, backoff = DEFAULT_BACKOFF } = definition;
    const rateLimiter = rateLimit === undefined ? undefined : new RateLimiter(rateLimit, clock);
    this.#queue = new WorkQueue(clock, backoff, () => this.#dispatch(), {
      random,
      minIntervalMs,
      rateLimiter,
      order,
    });
    this.#hotLoops = new HotLoops({ clock, log, limits: definition.hotLoop });
    this.#pacing = new RunPacing({ clock, hotLoops: this.#hotLoops, minIntervalMs });
  }

  /** Names that are to run and do not yet, that run, that wait for another try, and whose run did not end in its time; and names that loop. */
  status() {
    return {
      queued: this.#queue.waiting,
      /** Names that must rest before they run again. */
      resting: this.#queue.pending - this.#queue.waiting,
      running: this.#queue.processing,
      retrying: this.#queue.retrying,
      hung: this.#hung,
      hot: this.#hotLoops.hot(),
    };
  }

  /** A name is to run. `version` is that of the change that is the reason, where there is one. */
  add(key: string, priority: Priority, version?: string): void {
    const heldMs = this.#pacing.added(key, priority, version);
    if (heldMs > 0) this.#queue.holdBack(key, heldMs);
    this.#queue.add(key, priority);
  }

  /** A mapper is told of a change of this version. */
  mapping(version: string | undefined): void {
    this.#pacing.mapping(version);
  }

  /** Runs nothing more. Resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#queue.stop();
    await Promise.all(this.#running);
  }

  /** Names whose run has not ended. */
  get running(): number {
    return this.#running.size;
  }

  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    const { concurrency = 1 } = this.#deps.definition;
    while (this.#busy < concurrency) {
      const key = this.#queue.take();
      if (key === undefined) break;
      this.#busy += 1;
      this.#pacing.started(key);
      const run = this.#run(key).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
    this.#dispatching = false;
  }

  async #run(key: string): Promise<void> {
    const { definition, clock, signal, cutOff, informers } = this.#deps;
    const writes: OwnWrite[] = [];
    const note = (write: OwnWrite): void => {
      writes.push(write);
      this.#pacing.wrote(key, write.version);
    };
    const reader = this.#deps.edges.begin(key);
    const run = startTimed(
      (signals) => this.#reconcile(key, { signals, note, record: (question) => reader.record(question) }),
      {
        clock,
        timeoutMs: definition.timeoutMs,
        signal,
        cutOff,
      },
    );
    const result = await run.result;
    reader.end(result.kind === "retry" ? "failed" : "well");
    this.#handle(key, result);
    this.#busy -= 1;
    queueMicrotask(() => this.#dispatch());
    const isHung = result.kind === "retry" && result.error instanceof RunTimeoutError;
    if (isHung) this.#hung += 1;
    await run.ended;
    if (isHung) this.#hung -= 1;
    await cachesShow(writes, informers, { clock, signal });
    this.#pacing.shown(writes.map(({ version }) => version));
    this.#queue.finish(key);
  }

  async #reconcile(
    key: string,
    {
      signals: { signal, cutOff },
      note,
      record,
    }: {
      readonly signals: RunSignals;
      readonly note: (write: OwnWrite) => void;
      readonly record: ReturnType<ReaderEdges["begin"]>["record"];
    },
  ): Promise<Result> {
    const { definition, cache, readTypes, ownerIndexes, events, tally, clock, informers } = this.#deps;
    const request = requestFrom(key);
    const log = namedLog(this.#deps.log, { request });
    let client: Client | undefined;
    const end = tally.begin(key);
    const cancelReport = clock.after(LONG_RUN_MS, () =>
      log.warn({ runningMs: LONG_RUN_MS }, "a reconcile takes long; until it ends it holds up a worker"),
    );
    try {
      return await reconcileOnce({
        definition,
        request,
        key,
        resource: informers.get(definition.type.gvk)?.cache.get(key),
        cache:
          readTypes.size === 0
            ? cache
            : createScopedCache(createReaderCache(cache, { types: readTypes, record })),
        plainCache: cache,
        taken: (type, name) => record({ kind: "get", type: type.gvk, key: keyOf(name) }),
        ownerIndexes,
        client: () => (client ??= createReconcileClient(this.#deps.client, { note, cutOff })),
        events,
        log,
        signal,
      });
    } finally {
      cancelReport();
      end();
    }
  }

  #handle(key: string, result: Result): void {
    switch (result.kind) {
      case "done":
        this.#queue.forget(key);
        if (this.#isThere(key)) this.#scheduleResync(key);
        // What it looked at would be kept for as long as the controller runs, and nothing is left that could be made true.
        else this.#deps.edges.forget(key);
        return;
      case "after":
        this.#queue.forget(key);
        this.#runAfter(key, result.delayMs);
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

  #runAfter(key: string, delayMs: number): void {
    if (delayMs === 0) {
      const heldMs = this.#pacing.askedItself(key);
      if (heldMs > 0) this.#queue.holdBack(key, heldMs);
    }
    this.#queue.addAfter(key, delayMs);
  }

  #isThere(key: string): boolean {
    const { definition, informers } = this.#deps;
    return informers.get(definition.type.gvk)?.cache.get(key) !== undefined;
  }

  /** Only what is there runs again for no reason. */
  #scheduleResync(key: string): void {
    const { definition, random } = this.#deps;
    const { resyncMs = DEFAULT_RESYNC_MS } = definition;
    if (resyncMs === false) return;
    this.#queue.addAfter(key, resyncMs * (1 - RESYNC_JITTER * random()), "resync");
  }

  #failed(key: string, error: unknown, message: string): void {
    const { signal, tally, log } = this.#deps;
    if (signal.aborted) return;
    tally.failed(error);
    const failures = this.#queue.failures(key);
    const fields = { request: requestFrom(key), failures, err: error };
    // The first failures are often about what is not there yet; only those that last are worth a warning.
    if (failures >= LASTING_FAILURES || failures === 0) log.warn(fields, message);
    else log.debug(fields, message);
  }
}
