import type { Clock } from "@trellis/resource";

import type { HotLoops, RunCause } from "./hot-loops.ts";
import type { GrowingInterval, Priority } from "./work-queue.ts";

/** Hot names whose last start is kept; beyond, those that have calmed are dropped. */
const MAX_STARTS = 4_096;

/** What a pacing runs on. */
export interface RunPacingOptions {
  readonly clock: Clock;
  readonly hotLoops: HotLoops;
  readonly minIntervalMs: number | GrowingInterval;
}

/** Tells why names run, as far as that may be a loop, and how long a name that loops is to wait. */
export class RunPacing {
  readonly #options: RunPacingOptions;
  /** Which name's run made a version of the store, until its caches show it. */
  readonly #writers = new Map<string, string>();
  /** Names that wrote something of which a mapper is told now. */
  readonly #mapped = new Set<string>();
  /** Why each name is to run that has not started since. */
  readonly #causes = new Map<string, RunCause>();
  /** When each hot name started last. */
  readonly #startedMs = new Map<string, number>();

  constructor(options: RunPacingOptions) {
    this.#options = options;
  }

  /** A run of the name wrote a version. */
  wrote(name: string, version: string): void {
    this.#writers.set(version, name);
  }

  /** The caches show what was written: no news of it comes any more. */
  shown(versions: readonly string[]): void {
    for (const version of versions) this.#writers.delete(version);
  }

  /** A mapper is told of a version: the name that wrote it will be among those that it names. */
  mapping(version: string | undefined): void {
    const writer = version === undefined ? undefined : this.#writers.get(version);
    if (writer !== undefined) this.#mapped.add(writer);
  }

  /** A name is to run. How long it is to be held back from now on, in milliseconds. */
  added(name: string, priority: Priority, version: string | undefined): number {
    if (priority !== "change" && priority !== "dependency") return 0;
    const isOwn = version === undefined ? this.#mapped.delete(name) : this.#writers.get(version) === name;
    return this.#because(name, isOwn ? "own" : "change");
  }

  /** A run of the name asked to run again at once. How long it is to be held back from now on, in milliseconds. */
  askedItself(name: string): number {
    return this.#because(name, "own");
  }

  /** The name runs. */
  started(name: string): void {
    const { hotLoops, clock } = this.#options;
    const cause = this.#causes.get(name);
    this.#causes.delete(name);
    this.#mapped.delete(name);
    if (cause !== undefined) hotLoops.began(name, cause);
    if (hotLoops.pauseMs(name, "own") === 0) this.#startedMs.delete(name);
    else this.#startedMs.set(name, clock.monotonic());
    if (this.#startedMs.size > MAX_STARTS)
      for (const one of this.#startedMs.keys())
        if (hotLoops.pauseMs(one, "own") === 0) this.#startedMs.delete(one);
  }

  #because(name: string, reason: RunCause): number {
    const { hotLoops, clock, minIntervalMs } = this.#options;
    // What others changed is never held back for longer because of what the name does itself.
    const cause = this.#causes.get(name) === "change" ? "change" : reason;
    this.#causes.set(name, cause);
    const startedMs = this.#startedMs.get(name);
    const pauseMs = hotLoops.pauseMs(name, cause);
    if (startedMs === undefined || pauseMs === 0) return 0;
    const leastMs = typeof minIntervalMs === "number" ? minIntervalMs : minIntervalMs.longest;
    return Math.max(0, startedMs + Math.max(pauseMs, leastMs) - clock.monotonic());
  }
}
