import type { Clock, Random } from "@trellis/resource";

import { Fifo } from "./fifo.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { Timetable } from "./timetable.ts";

/** How waits grow with failures: base × 2^failures, at most the longest. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Why a name is to be worked on, the most urgent first: it changed, something that it looks at did, it is due again, it is there, it has been quiet for long. */
export const PRIORITIES = ["change", "dependency", "retry", "start", "resync"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The more urgent of two. */
export function moreUrgent(one: Priority, other: Priority): Priority {
  return PRIORITIES.indexOf(one) < PRIORITIES.indexOf(other) ? one : other;
}

/** Of so many names that are taken, one is of the lowest priority that waits, so that none waits for ever. */
export const LOWEST_EVERY = 16;
/** By up to this part the wait after a failure is shortened at random, so that what failed together is not tried together. */
export const RETRY_JITTER = 0.1;

/**
 * The least time between two runs of one name, in milliseconds: the first one after a pause as long as the longest, doubled with each run until then. A few changes
 * are followed at once, and of many the last ones.
 */
export interface GrowingInterval {
  readonly first: number;
  readonly longest: number;
}

/** What a queue may be given. */
export interface WorkQueueOptions {
  /** Spreads the waits after failures; without it they are exact. */
  readonly random?: Random | undefined;
  /** The least time between two takings of one name: none when absent. */
  readonly minIntervalMs?: number | GrowingInterval | undefined;
  /** Bounds how often names are taken. */
  readonly rateLimiter?: RateLimiter | undefined;
  /** Decides which of the names that wait is taken next, whatever their priority and order: for tests. */
  readonly order?: Random | undefined;
}

/** What a name that waits for its time is added for then. */
interface Deferral {
  readonly priority: Priority;
  /** Whether it waits because it failed. */
  readonly failed: boolean;
}

/**
 * A queue of names in which each waits at most once and is worked on by one worker at a time: however often a name is added while it waits or runs,
 * it is handed out once more. A name has at most one time at which it is added later; whoever takes it settles that time anew. It is bounded by
 * the number of distinct names.
 */
export class WorkQueue {
  readonly #backoff: Backoff;
  readonly #onReady: () => void;
  readonly #clock: Clock;
  readonly #options: WorkQueueOptions;
  /** Names that can be taken, by priority, in the order in which they came; a subset of the dirty ones. */
  readonly #waiting: ReadonlyMap<Priority, Fifo> = new Map(
    PRIORITIES.map((priority) => [priority, new Fifo()]),
  );
  /** Names that were added since they were last taken, and the highest priority with which. */
  readonly #dirty = new Map<string, Priority>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #deferred: Timetable<Deferral>;
  /** Names that are not handed out yet, whoever adds them. */
  readonly #resting: Timetable<undefined>;
  readonly #interval: GrowingInterval;
  /** The least interval of names that were taken not long ago, until they have had a pause. */
  readonly #intervals: Timetable<number>;
  #retrying = 0;
  #taken = 0;
  /** Set while the rate limit holds back what waits. */
  #cancelRateWait: (() => void) | undefined;
  #stopped = false;

  /** `onReady` is called whenever a name can be taken. */
  constructor(clock: Clock, backoff: Backoff, onReady: () => void, options: WorkQueueOptions = {}) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#onReady = onReady;
    this.#options = options;
    this.#deferred = new Timetable(clock, (name, { failed, priority }) => {
      if (failed) this.#retrying -= 1;
      this.add(name, priority);
    });
    this.#resting = new Timetable(clock, (name) => this.#offer(name));
    const { minIntervalMs = 0 } = options;
    this.#interval =
      typeof minIntervalMs === "number" ? { first: minIntervalMs, longest: minIntervalMs } : minIntervalMs;
    this.#intervals = new Timetable(clock, () => undefined);
  }

  /** Names that wait to be taken. While the rate limit holds them back there are some and none is handed out. */
  get waiting(): number {
    let waiting = 0;
    for (const names of this.#waiting.values()) waiting += names.size;
    return waiting;
  }

  /** Names that were added and not taken since: those that wait, those that are worked on and will be once more, those that must rest first. */
  get pending(): number {
    return this.#dirty.size;
  }

  /** Names that were taken and are not done. */
  get processing(): number {
    return this.#processing.size;
  }

  /** Names that wait for another try. */
  get retrying(): number {
    return this.#retrying;
  }

  /** Adds a name: it is handed out once more, however often it is added until then, and with the highest priority of those. */
  add(name: string, priority: Priority = "change"): void {
    if (this.#stopped) return;
    const former = this.#dirty.get(name);
    if (former === undefined) {
      this.#dirty.set(name, priority);
      this.#offer(name);
    } else if (moreUrgent(former, priority) !== former) {
      this.#dirty.set(name, priority);
      if (this.#waiting.get(former)?.delete(name) === true) this.#waiting.get(priority)?.add(name);
    }
  }

  /** Adds later. The newest word counts: an earlier deferral of the name is replaced. */
  addAfter(name: string, delayMs: number, priority: Priority = "retry"): void {
    this.#defer(name, delayMs, { failed: false, priority });
  }

  /** Adds after a wait that grows with each failure of the name. */
  addAfterFailure(name: string): void {
    const { random = () => 0 } = this.#options;
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    const waitMs = Math.min(this.#backoff.maxMs, this.#backoff.baseMs * 2 ** failures);
    this.#defer(name, waitMs * (1 - RETRY_JITTER * random()), AFTER_FAILURE);
  }

  /** Does not hand the name out for some time, however it is added. The newest word counts; the least interval begins anew when it is taken. */
  holdBack(name: string, delayMs: number): void {
    if (this.#stopped) return;
    const priority = this.#dirty.get(name);
    if (priority !== undefined) this.#waiting.get(priority)?.delete(name);
    this.#resting.set(name, delayMs, undefined);
  }

  /** How often the name has failed since it last succeeded. */
  failures(name: string): number {
    return this.#failures.get(name) ?? 0;
  }

  /** Forgets a name's failures. */
  forget(name: string): void {
    this.#failures.delete(name);
  }

  /** Takes the next name; undefined when none can be taken. A time at which it was to be added later is dropped: this is the run that it was about. */
  take(): string | undefined {
    const line = this.#nextLine();
    if (line === undefined || this.#isHeldByRate()) return undefined;
    const { order } = this.#options;
    const name = order === undefined ? line.take() : line.takeAny(order);
    if (name === undefined) return undefined;
    this.#taken += 1;
    this.#dirty.delete(name);
    this.#processing.add(name);
    this.#dropDeferral(name);
    this.#rest(name);
    return name;
  }

  /** Begins the least interval of a name that is taken. */
  #rest(name: string): void {
    const { first, longest } = this.#interval;
    if (longest === 0) return;
    const former = this.#intervals.get(name);
    const intervalMs = former === undefined ? first : Math.min(longest, 2 * former);
    this.#resting.set(name, intervalMs, undefined);
    // A pause is one of the longest interval: a process that has much to do hands names out late, and those that change all the time would seem calm.
    if (first < longest) this.#intervals.set(name, intervalMs + longest, intervalMs);
  }

  /** Ends the work on a name; hands it out again when it was added meanwhile. */
  finish(name: string): void {
    this.#processing.delete(name);
    this.#offer(name);
  }

  /** Drops what waits and cancels what is deferred; what is added from now on is dropped too. */
  stop(): void {
    this.#stopped = true;
    for (const names of this.#waiting.values()) names.clear();
    this.#dirty.clear();
    this.#deferred.clear();
    this.#resting.clear();
    this.#intervals.clear();
    this.#retrying = 0;
    this.#cancelRateWait?.();
    this.#cancelRateWait = undefined;
  }

  /** Lets a name wait to be taken, if it is to be and may be. */
  #offer(name: string): void {
    const priority = this.#dirty.get(name);
    if (priority === undefined || this.#processing.has(name) || this.#resting.has(name)) return;
    this.#waiting.get(priority)?.add(name);
    this.#onReady();
  }

  /** Those of whom the first is taken next; undefined when nobody waits. */
  #nextLine(): Fifo | undefined {
    const lines = [...this.#waiting.values()].filter(({ size }) => size > 0);
    const { order } = this.#options;
    if (order !== undefined) return lines[Math.floor(order() * lines.length)];
    return lines.at(this.#taken % LOWEST_EVERY === LOWEST_EVERY - 1 ? -1 : 0);
  }

  /** Whether the rate limit lets nobody through now. Then it says itself when it does. */
  #isHeldByRate(): boolean {
    const { rateLimiter } = this.#options;
    if (rateLimiter === undefined) return false;
    if (this.#cancelRateWait !== undefined) return true;
    const waitMs = rateLimiter.tryTake();
    if (waitMs === 0) return false;
    this.#cancelRateWait = this.#clock.after(waitMs, () => {
      this.#cancelRateWait = undefined;
      this.#onReady();
    });
    return true;
  }

  #defer(name: string, delayMs: number, deferral: Deferral): void {
    this.#dropDeferral(name);
    if (this.#stopped) return;
    if (delayMs <= 0) {
      this.add(name, deferral.priority);
      return;
    }
    this.#deferred.set(name, delayMs, deferral);
    if (deferral.failed) this.#retrying += 1;
  }

  #dropDeferral(name: string): void {
    if (this.#deferred.get(name)?.failed === true) this.#retrying -= 1;
    this.#deferred.delete(name);
  }
}

const AFTER_FAILURE: Deferral = { failed: true, priority: "retry" };
