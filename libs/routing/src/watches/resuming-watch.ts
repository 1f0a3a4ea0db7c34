import {
  type MinimumPosition,
  StorageError,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
} from "@trellis/storage";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed, hasCode } from "../errors.ts";
import { HOLD_MS } from "../patience.ts";
import type { ClusterView, Reached } from "../servers/cluster-view.ts";
import type { LinkedServer } from "../servers/linked-server.ts";
import { waitForChange } from "../servers/wait-for-change.ts";

/** What a resuming watch yields: it begins at a version, so it has no snapshot. */
export type ResumedBatch = Exclude<WatchBatch, { kind: "snapshot" }>;

/** What one replica refuses and another may grant. */
const REFUSALS = [
  "history-gone",
  "store-changed",
  "version-not-reached",
  "resource-exhausted",
  "unsupported",
] as const;
/** The longest silence of a replica before it says how far it is: what is behind this many milliseconds is known to be complete. */
export const PROGRESS_MS = 500;

/**
 * A watch from a version on that outlives its replica: it goes on at another from the last commit that it had whole. It yields `endOfSnapshot` once,
 * where it first reaches the present. It throws when every replica refuses it, or when none has been there for 30 s.
 */
export class ResumingWatch {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #query: TypeQuery;
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;
  readonly #refusedBy = new Set<LinkedServer>();
  #since: MinimumPosition;
  #open: { readonly reached: Reached; readonly watch: Watch } | undefined;
  #reachedPresent = false;
  #refusal: StorageError | undefined;
  #failures = 0;

  constructor(
    deps: RoutingDeps,
    view: ClusterView,
    { query, since }: { readonly query: TypeQuery; readonly since: MinimumPosition },
  ) {
    this.#deps = deps;
    this.#view = view;
    this.#query = query;
    this.#since = since;
    this.#stopListening = view.onChange(() => this.#moveOn());
  }

  /** All that is watched and happened up to here was yielded. */
  get reached(): MinimumPosition {
    return this.#since;
  }

  /** The next batch; undefined once closed. */
  async next(): Promise<ResumedBatch | undefined> {
    for (;;) {
      if (this.#closing.signal.aborted) return undefined;
      const { reached, watch } = (this.#open ??= await this.#begin());
      try {
        const batch = await watch.next();
        if (batch !== undefined && batch.kind !== "snapshot") return this.#received(batch);
        this.#failed(reached, new StorageError("unavailable", "the replica ended the watch"));
      } catch (error) {
        if (!StorageError.is(error)) throw error;
        this.#failed(reached, error);
      }
    }
  }

  close(): void {
    this.#closing.abort();
    this.#stopListening();
    this.#open?.watch.close();
    this.#open = undefined;
  }

  #received(batch: ResumedBatch): ResumedBatch {
    this.#failures = 0;
    this.#refusal = undefined;
    this.#refusedBy.clear();
    this.#since = { storeId: this.#since.storeId, version: batch.version };
    if (batch.kind !== "endOfSnapshot") return batch;
    if (this.#reachedPresent) return { kind: "bookmark", version: batch.version };
    this.#reachedPresent = true;
    return batch;
  }

  #failed({ server }: Reached, error: StorageError): void {
    this.#open?.watch.close();
    this.#open = undefined;
    this.#refusedBy.add(server);
    if (hasCode(error, ...REFUSALS)) this.#refusal = error;
  }

  async #begin(): Promise<{ readonly reached: Reached; readonly watch: Watch }> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonic() + HOLD_MS;
    for (;;) {
      if (this.#view.isStopped || this.#closing.signal.aborted) throw closed();
      const reached = this.#view.near(this.#refusedBy);
      if (reached !== undefined) {
        const watch = this.#openAt(reached);
        if (watch !== undefined) return { reached, watch };
        continue;
      }
      if (this.#refusal !== undefined) throw this.#refusal;
      if (clock.monotonic() >= untilMs) throw this.#givenUp();
      const hasAsked = this.#refusedBy.size > 0;
      this.#refusedBy.clear();
      const atMostMs = hasAsked
        ? backoffMs(this.#failures++, this.#deps.random)
        : untilMs - clock.monotonic();
      const before = this.#view.near()?.link;
      const isDue = (): boolean => this.#view.near() !== undefined && this.#view.near()?.link !== before;
      await waitForChange({ view: this.#view, clock }, { signal: this.#closing.signal, isDue, atMostMs });
    }
  }

  #openAt(reached: Reached): Watch | undefined {
    try {
      const { storeId } = this.#since;
      const since =
        storeId === undefined ? { ...this.#since, storeId: reached.link.position().storeId } : this.#since;
      const watch = reached.link.watch(this.#query, { since, bookmarkIntervalMs: PROGRESS_MS });
      this.#since = since;
      return watch;
    } catch (error) {
      if (!StorageError.is(error)) throw error;
      this.#failed(reached, error);
      return undefined;
    }
  }

  /** Leaves a replica that shows the past, when another does not. */
  #moveOn(): void {
    if (this.#open !== undefined && this.#view.isOutdone(this.#open.reached)) this.#open.watch.close();
  }

  #givenUp(): StorageError {
    const { version } = this.#since;
    return new StorageError(
      "unavailable",
      `the watch waited ${HOLD_MS} ms for ${this.#view.waitsFor("replica")}; resume it after version ${version}`,
    );
  }
}

/** A commit of a watch. */
export interface WatchedCommit {
  readonly version: Version;
  readonly events: Extract<WatchBatch, { kind: "commit" }>["events"];
}
