import type { Clock } from "@trellis/resource";

/** How waits grow with failures: base × 2^failures, at most the longest. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * A queue of names in which each waits at most once and is worked on by one worker at a time: however often a name is added while it waits or runs,
 * it is handed out once more. It is bounded by the number of distinct names.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #onReady: () => void;
  readonly #waiting: string[] = [];
  /** Names that want to be worked on. */
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #deferred = new Map<
    string,
    { readonly atMs: number; readonly cancel: () => void; readonly retry: boolean }
  >();
  #stopped = false;

  /** `onReady` is called whenever a name can be taken. */
  constructor(clock: Clock, backoff: Backoff, onReady: () => void) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#onReady = onReady;
  }

  /** Names that wait to be taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Names that were taken and are not done. */
  get processing(): number {
    return this.#processing.size;
  }

  /** Names that wait for another try. */
  get retrying(): number {
    return [...this.#deferred.values()].filter(({ retry }) => retry).length;
  }

  add(name: string): void {
    if (this.#stopped || this.#dirty.has(name)) return;
    this.#dirty.add(name);
    if (this.#processing.has(name)) return;
    this.#waiting.push(name);
    this.#onReady();
  }

  /** Adds later; a name that is deferred already moves only to an earlier time. */
  addAfter(name: string, delayMs: number, retry = false): void {
    if (this.#stopped) return;
    if (delayMs <= 0) {
      this.add(name);
      return;
    }
    const atMs = this.#clock.monotonic() + delayMs;
    const earlier = this.#deferred.get(name);
    if (earlier !== undefined && earlier.atMs <= atMs) return;
    earlier?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#deferred.delete(name);
      this.add(name);
    });
    this.#deferred.set(name, { atMs, cancel, retry });
  }

  /** Adds after a wait that grows with each failure of the name. */
  addAfterFailure(name: string): void {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    this.addAfter(name, Math.min(this.#backoff.maxMs, this.#backoff.baseMs * 2 ** failures), true);
  }

  /** How often the name has failed since it last succeeded. */
  failures(name: string): number {
    return this.#failures.get(name) ?? 0;
  }

  /** Forgets a name's failures. */
  forget(name: string): void {
    this.#failures.delete(name);
  }

  /** Takes the next name; undefined when none waits. */
  take(): string | undefined {
    const name = this.#waiting.shift();
    if (name === undefined) return undefined;
    this.#dirty.delete(name);
    this.#processing.add(name);
    return name;
  }

  /** Ends the work on a name; hands it out again when it was added meanwhile. */
  finish(name: string): void {
    this.#processing.delete(name);
    if (!this.#dirty.has(name) || this.#stopped) return;
    this.#waiting.push(name);
    this.#onReady();
  }

  /** Drops what waits and cancels what is deferred. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#dirty.clear();
    for (const { cancel } of this.#deferred.values()) cancel();
    this.#deferred.clear();
  }
}
