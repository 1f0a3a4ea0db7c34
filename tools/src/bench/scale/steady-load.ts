import { Latencies } from "../latencies.ts";
import type { Load } from "../measure.ts";
import { CallFailure } from "../raw/call-failure.ts";

/** How a load went for a while. */
export interface Pace {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** Calls that failed, by what they failed with. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Between a call that failed and the next of its caller. */
const AFTER_FAILURE_MS = 10;

/** A load that goes on, in a closed loop, while something else is measured. */
export class SteadyLoad {
  readonly #callers: Promise<unknown>;
  #isOver = false;
  #failure: unknown;
  #sinceMs = performance.now();
  #operations = 0;
  #latencies = new Latencies();
  #errors: Record<string, number> = {};
  readonly #startedMs = new Map<number, number>();

  constructor(load: Load) {
    const runs = Array.from({ length: load.callers }, (_, caller) => this.#run(load, caller));
    this.#callers = Promise.all(runs);
    this.#callers.catch((error: unknown) => (this.#failure = error));
  }

  /** Operations since it was asked last. Throws what a caller met that was no failed call: a wrong answer. */
  get operations(): number {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#operations;
  }

  /** How it went since it was asked last. Throws as `operations`. A call that is under way counts for the longest with the time that it has taken so far. */
  take(): Pace {
    const nowMs = performance.now();
    const underWayMs = [...this.#startedMs.values()].map((startedMs) => nowMs - startedMs);
    const latencies = this.#latencies;
    const pace = {
      operations: this.operations,
      perSecond: (this.#operations / (nowMs - this.#sinceMs)) * 1_000,
      p50Ms: latencies.percentile(0.5),
      p99Ms: latencies.percentile(0.99),
      longestMs: Math.max(latencies.percentile(1), ...underWayMs),
      errors: this.#errors,
    };
    this.#sinceMs = nowMs;
    this.#operations = 0;
    this.#latencies = new Latencies();
    this.#errors = {};
    return pace;
  }

  /** Ends it once the calls under way are answered. Throws as `operations`. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#callers;
  }

  async #run(load: Load, caller: number): Promise<void> {
    while (!this.#isOver) {
      const startedMs = performance.now();
      this.#startedMs.set(caller, startedMs);
      try {
        const operations = await load.call(caller);
        this.#operations += operations;
        this.#latencies.record(performance.now() - startedMs);
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        this.#errors[error.code] = (this.#errors[error.code] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS));
      } finally {
        this.#startedMs.delete(caller);
      }
    }
  }
}

/** What failed in a stretch of a load, in a line each. */
export function failuresOf(during: string, { errors }: Pick<Pace, "errors">): readonly string[] {
  return Object.entries(errors).map(([code, count]) => `${during}: ${count} calls failed with ${code}`);
}
