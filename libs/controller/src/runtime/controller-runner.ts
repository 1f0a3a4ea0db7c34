import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { Cache, Index } from "../cache.ts";
import { typesOf, watchesOf } from "../check-controller.ts";
import type { InitContext, StartContext } from "../context.ts";
import type { AnyController } from "../define.ts";
import type { ControllerLog } from "../log.ts";
import type { EventLog } from "./event-log.ts";
import type { Informer } from "./informer.ts";
import { Intake } from "./intake.ts";
import { ReaderEdges } from "./reader-edges.ts";
import { createReconcileClient } from "./reconcile-client.ts";
import { requestFrom } from "./request-key.ts";
import { type Shard, shardOf } from "./shard-of.ts";
import type { ReconcileTally } from "./tally.ts";
import { Workers } from "./workers.ts";

/** What a controller runs on. */
export interface RunnerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Which of the names that wait runs next: for tests. */
  readonly order?: Random | undefined;
  /** Names the controller. */
  readonly log: ControllerLog;
  readonly informers: ReadonlyMap<string, Informer>;
  readonly cache: Cache;
  /** Finds what a name owns, for each owned type. */
  readonly ownerIndexes: readonly Index[];
  readonly events: EventLog;
  readonly tally: ReconcileTally;
  /** The store version that its caches must show before it begins, decimal: any when absent. */
  readonly since?: string | undefined;
  /** Which names it is for: all when absent. */
  readonly shard?: Shard | undefined;
  /** When it is to stop: whether what is under way may still call anybody. */
  readonly mayFinish: () => boolean;
}

/** How long what is under way may take to end when its controller stops, in milliseconds. */
export const STOP_GRACE_MS = 5_000;

/**
 * One run of a controller, from `init` to `onStop`, on one client. It ends with its signal, or with an error of its author's that keeps it from starting.
 */
export class ControllerRunner {
  readonly #definition: AnyController;
  readonly #deps: RunnerDeps;
  /** Aborted once nobody waits any longer for what is under way: it writes nothing more then. */
  readonly #cutOff = new AbortController();
  readonly #signal: AbortSignal;
  readonly #intake: Intake;
  readonly #workers: Workers;
  #ready = false;

  constructor(definition: AnyController, deps: RunnerDeps, signal: AbortSignal) {
    this.#definition = definition;
    this.#deps = deps;
    this.#signal = signal;
    const edges = new ReaderEdges();
    const readTypes = new Set(
      watchesOf(definition).flatMap(({ type, map }) => (typeof map === "function" ? [] : [type.gvk])),
    );
    const shared = { ...deps, definition, edges };
    this.#workers = new Workers({ ...shared, readTypes, signal, cutOff: this.#cutOff.signal });
    this.#intake = new Intake({
      ...shared,
      add: (key, priority, version) => {
        if (this.#isMine(key)) this.#workers.add(key, priority, version);
      },
      mapping: (version) => this.#workers.mapping(version),
      failed: (error) => deps.tally.failed(error),
    });
  }

  /** Once. Resolves when it has ended; rejects when `init` or `onStart` failed. */
  async run(): Promise<void> {
    const { init, onStart } = this.#definition;
    const context: StartContext = { ...this.#initContext(), cache: this.#deps.cache };
    try {
      await this.#within(init?.(this.#initContext()));
      await this.#cachesAreFull();
      if (this.#signal.aborted) return;
      await this.#within(onStart?.(context));
      try {
        if (!this.#signal.aborted) await this.#work();
      } finally {
        await this.#sayStopped(context);
      }
    } finally {
      this.#cutOff.abort();
    }
  }

  status() {
    const workers = this.#workers.status();
    const mapping = this.#intake.pending;
    const { queued, resting, running, retrying } = workers;
    return {
      state: this.#signal.aborted
        ? ("stopped" as const)
        : this.#ready
          ? ("running" as const)
          : ("waiting" as const),
      ...workers,
      mapping,
      idle: this.#ready && queued + resting + running + retrying + mapping === 0,
    };
  }

  /** They show the store as of `since` or later, or the controller stops. */
  async #cachesAreFull(): Promise<void> {
    const { informers, since } = this.#deps;
    const full = typesOf(this.#definition).map(async ({ gvk }) => {
      const informer = informers.get(gvk);
      await informer?.synced;
      if (since !== undefined) await informer?.showing(since, this.#signal);
    });
    await Promise.race([Promise.all(full), whenAborted(this.#signal)]);
  }

  async #work(): Promise<void> {
    this.#ready = true;
    this.#intake.start();
    await whenAborted(this.#signal);
    if (!this.#deps.mayFinish()) this.#cutOff.abort();
    const ended = [this.#intake.stop(), this.#workers.stop()];
    await this.#within(Promise.all(ended).then(() => undefined));
    this.#cutOff.abort();
    const { running } = this.#workers;
    if (running > 0) this.#deps.log.warn({ running }, "reconciles did not end in time; they are cut off");
  }

  /** Waits for something of the author's, and once the controller is to stop not much longer. */
  async #within(task: Promise<void> | undefined): Promise<void> {
    if (task === undefined) return;
    let hasEnded = false;
    let cancel = (): void => undefined;
    const over = whenAborted(this.#signal).then(() => {
      if (hasEnded) return undefined;
      const grace = this.#grace();
      ({ cancel } = grace);
      return grace.over;
    });
    try {
      await Promise.race([task, over]);
    } finally {
      hasEnded = true;
      cancel();
    }
  }

  async #sayStopped(context: StartContext): Promise<void> {
    try {
      await this.#within(this.#definition.onStop?.(context));
    } catch (error) {
      this.#deps.log.error({ err: error }, "onStop failed; the controller has stopped all the same");
    }
  }

  #grace(): { readonly over: Promise<void>; readonly cancel: () => void } {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    return { over, cancel: this.#deps.clock.after(STOP_GRACE_MS, resolve) };
  }

  #initContext(): InitContext {
    const { client, log } = this.#deps;
    const note = (): void => undefined;
    return {
      client: createReconcileClient(client, { note, cutOff: this.#cutOff.signal }),
      log,
      signal: this.#signal,
    };
  }

  #isMine(key: string): boolean {
    const { shard } = this.#deps;
    return shard === undefined || shardOf(requestFrom(key), shard.of) === shard.index;
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
