import type { BatchSink } from "@trellis/resource";
import type { WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { CommitBatch, CommitTaker, Version, Watch, WatchBatch, WatchSleeper } from "@trellis/storage";

import type { Gathered } from "./gathered.ts";
import type { Outlet } from "./handler.ts";
import {
  allEventsOf,
  type CommonEvents,
  type EventToSend,
  eventsOf,
  type Look,
  type Teller,
} from "./watch-events.ts";
import type { Known } from "./when-known.ts";

/** What a watcher is to be told, of one batch. */
export interface Told {
  readonly looks: Known<readonly (EventToSend | Look)[]>;
  /** How far the watch has come with it; undefined in its snapshot. */
  readonly version: Version | undefined;
  /** Whether the sink is to be waited for first. */
  readonly hasEnough: boolean;
}

/** What a flow goes between. */
export interface FlowOptions {
  readonly watch: Watch;
  readonly outlet: Outlet<WatchEvent>;
  readonly teller: Teller;
  readonly gathered: Gathered;
  /** Aborted when the watcher's rights change. */
  readonly rights: AbortSignal;
}

/**
 * What comes of a watch. While its consumer waits for what is next, the events of commits that can be told at once go straight to the sink, all of them in the turn in which they are there and
 * without a promise: for a thousand watchers promises cost more than all else. The consumer is told what is left: what somebody has to be waited for, and the end.
 */
export class WatchFlow implements CommitTaker, WatchSleeper {
  readonly #watch: Watch;
  #sink: BatchSink<WatchEvent> | undefined;
  readonly #common: CommonEvents | undefined;
  readonly #teller: Teller;
  readonly #outlet: Outlet<WatchEvent>;
  readonly #gathered: Gathered;
  /** Why nothing may be told any more. */
  #denied: { readonly reason: unknown } | undefined;
  /** Whether the sink takes more. */
  #wantsMore = true;
  #waiting: PromiseWithResolvers<Told | undefined> | undefined;

  constructor({ watch, outlet, teller, gathered, rights }: FlowOptions) {
    this.#watch = watch;
    this.#outlet = outlet;
    this.#teller = teller;
    this.#common = teller.common;
    this.#gathered = gathered;
    rights.addEventListener("abort", () => (this.#denied = { reason: rights.reason }), { once: true });
  }

  /** What is at hand. */
  take(): Told | undefined {
    return this.#told(this.#watch.take());
  }

  /** What comes next and did not go to the sink; undefined at the end. Whatever was gathered must have been sent. */
  async next(): Promise<Told | undefined> {
    const sink = (this.#sink = this.#outlet.sink);
    if (sink === undefined || this.#watch.sleep === undefined) return this.#told(await this.#watch.next());
    const left = this.#flow(sink);
    if (left !== undefined) return left;
    if (!this.#watch.sleep(this)) return this.#told(await this.#watch.next());
    this.#waiting = Promise.withResolvers();
    return await this.#waiting.promise;
  }

  wake(): void {
    const waiting = this.#waiting;
    const sink = this.#sink;
    if (waiting === undefined || sink === undefined) return;
    try {
      const left = this.#flow(sink);
      if (left === undefined && this.#watch.sleep?.(this) === true) return;
      this.#waiting = undefined;
      waiting.resolve(left ?? this.#watch.next().then((batch) => this.#told(batch)));
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error);
    }
  }

  #told(batch: WatchBatch | undefined): Told | undefined {
    if (batch === undefined) return undefined;
    const version = batch.kind === "snapshot" ? undefined : batch.version;
    return { looks: eventsOf(this.#teller, batch), version, hasEnough: false };
  }

  /** Sends what is at hand. Returns what it cannot send, or not yet. */
  #flow(sink: BatchSink<WatchEvent>): Told | undefined {
    const gathered = this.#gathered;
    this.#wantsMore = true;
    const isTold = this.#common !== undefined && this.#watch.offer?.(this) === true;
    if (!this.#wantsMore) return { looks: [], version: gathered.reached, hasEnough: true };
    if (isTold) return undefined;
    for (let batch = this.#watch.take(); batch !== undefined; batch = this.#watch.take()) {
      const looks = eventsOf(this.#teller, batch);
      const version = batch.kind === "snapshot" ? undefined : batch.version;
      if (looks instanceof Promise) return { looks, version, hasEnough: false };
      for (let at = 0; at < looks.length; at++) {
        const look = looks[at];
        if (look === undefined) continue;
        if (typeof look === "function") return { looks: looks.slice(at), version, hasEnough: false };
        gathered.add(look);
        if (at === looks.length - 1) gathered.reached = version;
        if (gathered.isFull && !sink(this.takeGathered()))
          return { looks: looks.slice(at + 1), version, hasEnough: true };
      }
      gathered.reached = version;
    }
    if (gathered.isEmpty || sink(this.takeGathered())) return undefined;
    return { looks: [], version: gathered.reached, hasEnough: true };
  }

  /** Sends what commits are to all who see the same, where that is known at once and is little: then it is the same object for all. */
  takeCommits(commits: readonly CommitBatch[]): boolean {
    const last = commits.at(-1);
    if (last === undefined) return true;
    const events = this.#common?.together(commits, () => allEventsOf(this.#teller, commits));
    if (events === undefined || this.#sink === undefined) return false;
    if (this.#denied !== undefined) throw this.#denied.reason;
    this.#gathered.pass(last.version);
    if (events.length > 0) this.#wantsMore = this.#sink(events);
    return true;
  }

  /** What was gathered, which is sent now. Throws when the rights have changed: what was looked at before is not shown after the rights to it are gone. */
  takeGathered(): readonly WatchEvent[] {
    if (this.#denied !== undefined) throw this.#denied.reason;
    return this.#gathered.take();
  }
}
