import type { CallOptions, CallSignal, EndedBy, StorageError } from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed, hasCode, notApplied, tooManyWaiting } from "../errors.ts";
import { type Patience, Patiences } from "../patience.ts";
import type { ClusterView, Reached } from "../servers/cluster-view.ts";
import type { LinkedServer } from "../servers/linked-server.ts";
import { waitForChange } from "../servers/wait-for-change.ts";
import { Timeouts } from "../timeouts.ts";
import { attempt } from "./attempt.ts";

/** A call that any replica can answer. */
export interface NearCall<T> {
  /** In the words of an error: `the read`. */
  readonly what: string;
  /** How long it is waited for. */
  readonly wait: EndedBy<CallOptions>;
  /** Who is asked first, if it is there. */
  readonly preferred?: Reached | undefined;
  /** A replica that has not answered for so long is slow: another is asked, if there is one that is not. */
  readonly slowAfterMs: number;
  readonly run: (link: StorageLink, signal: CallSignal, server: LinkedServer) => Promise<T>;
}

/** Calls that may wait for a replica at once. */
const MAX_HELD = 10_000;
/** What one replica refuses and another may grant. */
const REFUSALS = ["version-gone", "store-changed", "resource-exhausted", "unsupported"] as const;

/** Who was asked in vain, and what they said. */
class Troubles {
  readonly asked = new Set<LinkedServer>();
  failure: StorageError | undefined = undefined;
  refusal: StorageError | undefined = undefined;

  /** Throws what another replica would say as well. */
  add(error: unknown, by: LinkedServer, { aborted }: Patience): void {
    if (hasCode(error, ...REFUSALS)) this.refusal = error;
    else if (hasCode(error, "unavailable", "aborted") || (hasCode(error, "version-not-reached") && !aborted))
      this.failure = error;
    else throw error;
    this.asked.add(by);
  }
}

/** Brings calls to a replica near by, to the next one when it cannot answer, and holds them while there is none. */
export class NearCalls {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #patiences: Patiences;
  /** By the time after which a call is slow. */
  readonly #slow = new Map<number, Timeouts>();
  #held = 0;

  constructor(deps: RoutingDeps, view: ClusterView) {
    this.#deps = deps;
    this.#view = view;
    this.#patiences = new Patiences(deps.clock);
  }

  /** Makes a call. Rejects as replicas do, with what the last one refused once each was asked; `unavailable` when none answered in time. */
  call<T>(call: NearCall<T>): Promise<T> {
    const view = this.#view;
    const patience = this.#patiences.begin(call.wait);
    const end = (): void => this.#patiences.end(patience);
    const first = view.isStopped || patience.aborted ? undefined : (call.preferred ?? view.near());
    if (first === undefined) return this.#persist(call, patience, new Troubles()).finally(end);
    // Most are answered by the first who is asked.
    return this.#attempt(call, patience, first).then(
      (answer) => {
        end();
        return answer;
      },
      (error: unknown) => this.#goOn(call, patience, { error, by: first.server }).finally(end),
    );
  }

  #attempt<T>(
    call: NearCall<T>,
    patience: Patience,
    reached: Reached,
    asked?: ReadonlySet<LinkedServer>,
  ): Promise<T> {
    const view = this.#view;
    return attempt(view, reached, {
      run: (link, ending) => call.run(link, ending, reached.server),
      patience,
      isOvertaken: () => view.isOutdone(reached),
      slow: {
        timeouts: this.#timeouts(call.slowAfterMs),
        isGivenUp: () => this.#isGivenUp(reached, asked),
      },
    });
  }

  async #goOn<T>(
    call: NearCall<T>,
    patience: Patience,
    { error, by }: { readonly error: unknown; readonly by: LinkedServer },
  ): Promise<T> {
    const troubles = new Troubles();
    troubles.add(error, by, patience);
    return await this.#persist(call, patience, troubles);
  }

  async #persist<T>(call: NearCall<T>, patience: Patience, troubles: Troubles): Promise<T> {
    const view = this.#view;
    const { asked } = troubles;
    for (let rounds = 0; ;) {
      if (view.isStopped) throw closed();
      if (patience.aborted) throw this.#givenUp(call, troubles.failure);
      const reached = asked.size === 0 ? (call.preferred ?? view.near()) : view.near(asked);
      if (reached === undefined) {
        if (troubles.refusal !== undefined) throw troubles.refusal;
        await this.#pause(asked.size === 0 ? undefined : backoffMs(rounds++, this.#deps.random), patience);
        asked.clear();
        continue;
      }
      try {
        return await this.#attempt(call, patience, reached, asked);
      } catch (error) {
        troubles.add(error, reached.server, patience);
      }
    }
  }

  #timeouts(afterMs: number): Timeouts {
    const known = this.#slow.get(afterMs);
    if (known !== undefined) return known;
    const timeouts = new Timeouts(this.#deps.clock, afterMs);
    this.#slow.set(afterMs, timeouts);
    return timeouts;
  }

  /** A replica whose process is held up says now and then that it is there, and answers nothing: who waits for it goes elsewhere, and so do those who come next. */
  #isGivenUp(reached: Reached, asked: Iterable<LinkedServer> = []): boolean {
    reached.server.foundSlow();
    const other = this.#view.near(new Set([...asked, reached.server]));
    return other !== undefined && !other.server.isSlow && !this.#view.isOutdone(other);
  }

  async #pause(atMostMs: number | undefined, signal: CallSignal): Promise<void> {
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
