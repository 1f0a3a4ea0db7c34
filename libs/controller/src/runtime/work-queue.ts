import type { Clock } from "@trellis/resource";

/** How waits grow with failures: base × 2^failures, at most the longest. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** A name that waits for its time. */
interface Deferral {
  readonly cancel: () => void;
  /** Whether it waits because it failed. */
  readonly retry: boolean;
}

/**
 * A queue of names in which each waits at most once and is worked on by one worker at a time: however often a name is added while it waits or runs,
 * it is handed out once more. A name has at most one time at which it is added later; whoever takes it settles that time anew. It is bounded by
 * the number of distinct names.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #onReady: () => void;
  /** Names that want to be worked on, in order; a subset of the dirty ones. A set, because taking the first of a long array is slow. */
  readonly #waiting = new Set<string>();
  /** Names that were added since they were last taken. */
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #deferred = new Map<string, Deferral>();
  #stopped = false;

  /** `onReady` is called whenever a name can be taken. */
  constructor(clock: Clock, backoff: Backoff, onReady: () => void) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#onReady = onReady;
  }

  /** Names that wait to be taken. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Names that were taken and are not done. */
  get processing(): number {
    return this.#processing.size;
  }

  /** Names that wait for another try. */
  get retrying(): number {
    return [...this.#deferred.values()].filter(({ retry }) => retry).length;
  }

  /** Adds a name: it is handed out once more, however often it is added until then. */
  add(name: string): void {
    if (this.#stopped || this.#dirty.has(name)) return;
    this.#dirty.add(name);
    if (this.#processing.has(name)) return;
    this.#waiting.add(name);
    this.#onReady();
  }

  /** Adds later. The newest word counts: an earlier deferral of the name is replaced. */
  addAfter(name: string, delayMs: number): void {
    this.#defer(name, delayMs, false);
  }

  /** Adds after a wait that grows with each failure of the name. */
  addAfterFailure(name: string): void {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    this.#defer(name, Math.min(this.#backoff.maxMs, this.#backoff.baseMs * 2 ** failures), true);
  }

  /** How often the name has failed since it last succeeded. */
  failures(name: string): number {
    return this.#failures.get(name) ?? 0;
  }

  /** Forgets a name's failures. */
  forget(name: string): void {
    this.#failures.delete(name);
  }

  /** Takes the next name; undefined when none waits. A time at which it was to be added later is dropped: this is the run that it was about. */
  take(): string | undefined {
    const [name] = this.#waiting;
    if (name === undefined) return undefined;
    this.#waiting.delete(name);
    this.#dirty.delete(name);
    this.#processing.add(name);
    this.#dropDeferral(name);
    return name;
  }

  /** Ends the work on a name; hands it out again when it was added meanwhile. */
  finish(name: string): void {
    this.#processing.delete(name);
    if (!this.#dirty.has(name) || this.#stopped) return;
    this.#waiting.add(name);
    this.#onReady();
  }

  /** Drops what waits and cancels what is deferred; what is added from now on is dropped too. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#dirty.clear();
    for (const { cancel } of this.#deferred.values()) cancel();
    this.#deferred.clear();
  }

  #defer(name: string, delayMs: number, retry: boolean): void {
    this.#dropDeferral(name);
    if (this.#stopped) return;
    if (delayMs <= 0) {
      this.add(name);
      return;
    }
    const cancel = this.#clock.after(delayMs, () => {
      this.#deferred.delete(name);
      this.add(name);
    });
    this.#deferred.set(name, { cancel, retry });
  }

  #dropDeferral(name: string): void {
    this.#deferred.get(name)?.cancel();
    this.#deferred.delete(name);
  }
}
