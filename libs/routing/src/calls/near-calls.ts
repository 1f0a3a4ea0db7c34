import type { StorageError } from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed, hasCode, notApplied, tooManyWaiting } from "../errors.ts";
import { Patience } from "../patience.ts";
import type { ClusterView, Reached } from "../servers/cluster-view.ts";
import type { LinkedServer } from "../servers/linked-server.ts";
import { waitForChange } from "../servers/wait-for-change.ts";
import { attempt } from "./attempt.ts";

/** A call that any replica can answer. */
export interface NearCall<T> {
  /** In the words of an error: `the read`. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Who is asked first, if it is there. */
  readonly preferred?: Reached | undefined;
  /** A replica that has not answered for so long is slow: another is asked, if there is one that is not. */
  readonly slowAfterMs: number;
  readonly run: (link: StorageLink, signal: AbortSignal, server: LinkedServer) => Promise<T>;
}

/** Calls that may wait for a replica at once. */
const MAX_HELD = 10_000;
/** What one replica refuses and another may grant. */
const REFUSALS = ["version-gone", "store-changed", "resource-exhausted", "unsupported"] as const;

/** Brings calls to a replica near by, to the next one when it cannot answer, and holds them while there is none. */
export class NearCalls {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  #held = 0;

  constructor(deps: RoutingDeps, view: ClusterView) {
    this.#deps = deps;
    this.#view = view;
  }

  /** Makes a call. Rejects as replicas do, with what the last one refused once each was asked; `unavailable` when none answered in time. */
  async call<T>(call: NearCall<T>): Promise<T> {
    const patience = new Patience(this.#deps.clock, call.signal);
    try {
      return await this.#persist(call, patience);
    } finally {
      patience.end();
    }
  }

  async #persist<T>(call: NearCall<T>, patience: Patience): Promise<T> {
    const view = this.#view;
    const { signal } = patience;
    const asked = new Set<LinkedServer>();
    let failure: StorageError | undefined;
    let refusal: StorageError | undefined;
    for (let rounds = 0; ;) {
      if (view.isStopped) throw closed();
      if (signal.aborted) throw this.#givenUp(call, failure);
      const reached = asked.size === 0 ? (call.preferred ?? view.near()) : view.near(asked);
      if (reached === undefined) {
        if (refusal !== undefined) throw refusal;
        await this.#pause(asked.size === 0 ? undefined : backoffMs(rounds++, this.#deps.random), signal);
        asked.clear();
        continue;
      }
      try {
        return await attempt(view, reached, {
          run: (link, ending) => call.run(link, ending, reached.server),
          signal,
          isOvertaken: () => view.isOutdone(reached),
          slow: {
            clock: this.#deps.clock,
            afterMs: call.slowAfterMs,
            isGivenUp: () => this.#isGivenUp(reached, asked),
          },
        });
      } catch (error) {
        if (hasCode(error, ...REFUSALS)) refusal = error;
        else if (
          hasCode(error, "unavailable", "aborted") ||
          (hasCode(error, "version-not-reached") && !signal.aborted)
        )
          failure = error;
        else throw error;
        asked.add(reached.server);
      }
    }
  }

  /** A replica whose process is held up says now and then that it is there, and answers nothing: who waits for it goes elsewhere, and so do those who come next. */
  #isGivenUp(reached: Reached, asked: ReadonlySet<LinkedServer>): boolean {
    reached.server.foundSlow();
    const other = this.#view.near(new Set([...asked, reached.server]));
    return other !== undefined && !other.server.isSlow && !this.#view.isOutdone(other);
  }

  async #pause(atMostMs: number | undefined, signal: AbortSignal): Promise<void> {
    const view = this.#view;
    if (this.#held >= MAX_HELD) throw tooManyWaiting(MAX_HELD, view.waitsFor("replica"));
    this.#held++;
    try {
      const before = view.near()?.link;
      const isDue = (): boolean => view.near() !== undefined && view.near()?.link !== before;
      await waitForChange({ view, clock: this.#deps.clock }, { signal, isDue, atMostMs });
    } finally {
      this.#held--;
    }
  }

  #givenUp({ what }: NearCall<unknown>, cause: StorageError | undefined): StorageError {
    if (hasCode(cause, "aborted")) return cause;
    return notApplied(
      what,
      this.#view.near() === undefined ? this.#view.waitsFor("replica") : "a replica",
      cause,
    );
  }
}
