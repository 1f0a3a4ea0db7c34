import type { CallOptions, CallSignal, EndedBy, StorageError } from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed, hasCode, notApplied, otherStore, tooManyWaiting, tooMuchWaiting } from "../errors.ts";
import { type Patience, Patiences } from "../patience.ts";
import type { ClusterView, Reached } from "../servers/cluster-view.ts";
import { waitForChange } from "../servers/wait-for-change.ts";
import { attempt } from "./attempt.ts";

/** A call that is for whoever leads. */
export interface LeaderCall<T> {
  /** In the words of an error: `the commit`. */
  readonly what: string;
  /** Whether doing it twice is as doing it once: it is then sent again when its answer is lost. */
  readonly isRepeatable: boolean;
  /** Whether it names versions of the store that is known when it is made, so that another one that takes its place must not answer it. */
  readonly isOfStore?: boolean | undefined;
  /** What it takes of memory until it is answered; next to nothing when absent. */
  readonly bytes?: number | undefined;
  /** How long it is waited for. */
  readonly wait: EndedBy<CallOptions>;
  readonly run: (link: StorageLink, signal: CallSignal) => Promise<T>;
}

/** Calls that may wait for a leader at once. */
const MAX_HELD = 10_000;
/** The bytes of all calls without an answer, whether they wait for a leader or have been sent to one: room for the whole queues of two origins. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Brings calls to the leader: holds them while there is none, and what was not done goes to the next one. */
export class LeaderCalls {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #patiences: Patiences;
  #held = 0;
  #bytes = 0;

  constructor(deps: RoutingDeps, view: ClusterView) {
    this.#deps = deps;
    this.#view = view;
    this.#patiences = new Patiences(deps.clock);
  }

  /**
   * Makes a call. Rejects as the leader does; with `unavailable` when no leader took it in time, `resource-exhausted` beyond the bounds on what
   * waits, and `outcome-unknown` when it was sent, got no answer, and is not to be sent twice.
   */
  async call<T>(call: LeaderCall<T>): Promise<T> {
    const { bytes = 0 } = call;
    this.#checkRoom(bytes);
    const patience = this.#patiences.begin(call.wait);
    this.#bytes += bytes;
    try {
      return await this.#persist(call, patience);
    } finally {
      this.#bytes -= bytes;
      this.#patiences.end(patience);
    }
  }

  #checkRoom(more: number): void {
    const bytes = this.#bytes + more;
    if (more === 0 || bytes <= MAX_BYTES) return;
    const waitsFor = this.#view.leader === undefined ? this.#view.waitsFor("leader") : "answers";
    throw tooMuchWaiting(MAX_BYTES, bytes, waitsFor);
  }

  async #persist<T>(call: LeaderCall<T>, patience: Patience): Promise<T> {
    const { store } = this.#view;
    const madeFor = call.isOfStore === true ? store.id : undefined;
    let failure: StorageError | undefined;
    let refusedBy: Reached | undefined;
    for (let failures = 0; ; failures++) {
      const leader = await this.#awaitLeader(call, patience, { refusedBy, failures, failure });
      if (madeFor !== undefined && madeFor !== store.id) throw otherStore(call.what, madeFor, store.id);
      try {
        return await attempt(this.#view, leader, {
          run: call.run,
          patience,
          isOvertaken: () => this.#view.leader !== undefined && this.#view.leader.link !== leader.link,
        });
      } catch (error) {
        if (!this.#mayRepeat(error, call)) throw error;
        if (patience.aborted && call.isRepeatable) throw this.#givenUp(call, error);
        failure = error;
        refusedBy = leader;
      }
    }
  }

  #mayRepeat(error: unknown, { isRepeatable }: LeaderCall<unknown>): error is StorageError {
    if (this.#view.isStopped) return false;
    return isRepeatable
      ? hasCode(error, "unavailable", "outcome-unknown", "aborted")
      : hasCode(error, "unavailable");
  }

  /** A leader to ask; one that has just refused is asked again after a pause only. */
  async #awaitLeader(
    call: LeaderCall<unknown>,
    patience: Patience,
    {
      refusedBy,
      failures,
      failure,
    }: {
      readonly refusedBy: Reached | undefined;
      readonly failures: number;
      readonly failure: StorageError | undefined;
    },
  ): Promise<Reached> {
    const view = this.#view;
    const isOther = (): boolean => view.leader !== undefined && view.leader.link !== refusedBy?.link;
    if (!isOther() && !patience.aborted) {
      if (this.#held >= MAX_HELD) throw tooManyWaiting(MAX_HELD, view.waitsFor("leader"));
      this.#held++;
      try {
        const { clock, random } = this.#deps;
        const atMostMs = refusedBy === undefined ? undefined : backoffMs(failures, random);
        await waitForChange({ view, clock }, { signal: patience, isDue: isOther, atMostMs });
        const isDue = (): boolean => view.leader !== undefined;
        await waitForChange({ view, clock }, { signal: patience, isDue });
      } finally {
        this.#held--;
      }
    }
    if (view.isStopped) throw closed();
    if (patience.aborted) throw this.#givenUp(call, failure);
    if (view.leader === undefined)
      throw new Error("broken invariant of routing: a leader was there and is not");
    return view.leader;
  }

  #givenUp({ what }: LeaderCall<unknown>, cause: StorageError | undefined): StorageError {
    return notApplied(
      what,
      this.#view.leader === undefined ? this.#view.waitsFor("leader") : "the leader",
      cause,
    );
  }
}
