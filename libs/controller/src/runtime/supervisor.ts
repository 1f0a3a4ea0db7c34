import type { Clock, Random } from "@trellis/resource";

/** How a task that ends is run again. */
export const SUPERVISOR_TIMING = {
  /** The first wait; it doubles with each further end. */
  firstMs: 500,
  /** The longest wait, before the random part. */
  longestMs: 60_000,
  /** From the second wait on, up to this part of it is added at random. */
  jitter: 0.25,
  /** A task that ran for longer is run again at once, and its waits begin anew. */
  flapMs: 2_000,
} as const;

/** What a supervisor keeps running. */
export interface SupervisorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The task. It runs until its signal ends it; whatever else ends it, an error or not, it is run again. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Told of each end that was not asked for, and of the wait before the next run, in milliseconds. `error` is undefined for a task that returned. */
  readonly onEnd?: ((end: { readonly error: unknown; readonly waitMs: number }) => void) | undefined;
}

/** One run of the task. */
interface Run {
  readonly abort: AbortController;
  /** Resolves when it has ended, and never throws. */
  readonly ended: Promise<void>;
}

/**
 * Keeps one task running between `start` and `stop`, never two of it: the next run begins when the one before has ended. Nothing that the task throws gets out.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #wanted = false;
  #run: Run | undefined;
  #cancelWait: (() => void) | undefined;
  /** Ends in a row of which each came too early. */
  #flaps = 0;
  #lastError: unknown;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** `waiting`: for its next run, after an end that was not asked for. `ending`: its signal is aborted, and it has not ended yet. */
  get state(): "stopped" | "running" | "waiting" | "ending" {
    if (this.#run !== undefined) return this.#run.abort.signal.aborted ? "ending" : "running";
    return this.#wanted ? "waiting" : "stopped";
  }

  /** Why the task ended the last time that this was not asked for; undefined when it returned, and before. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Runs the task from now on; while a former run still ends, once it has. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#flaps = 0;
    if (this.#run === undefined) this.#begin();
  }

  /** Aborts the task's signal. Resolves once it has ended. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#run?.abort.abort();
    await this.#run?.ended;
  }

  #begin(): void {
    const { clock, run } = this.#options;
    const abort = new AbortController();
    const startedMs = clock.monotonic();
    const ended = callSafely(() => run(abort.signal)).then(({ error }) => {
      this.#run = undefined;
      if (abort.signal.aborted) {
        // An end that was asked for: who asked to start again meanwhile waits for nothing else.
        if (this.#wanted) this.#begin();
      } else this.#endedUnasked(error, clock.monotonic() - startedMs);
    });
    this.#run = { abort, ended };
  }

  #endedUnasked(error: unknown, ranMs: number): void {
    const { clock, onEnd } = this.#options;
    this.#lastError = error;
    const waitMs = this.#nextWait(ranMs);
    try {
      onEnd?.({ error, waitMs });
    } catch {
      // Who is told must not stop what is kept running.
    }
    if (!this.#wanted) return;
    this.#cancelWait = clock.after(waitMs, () => {
      this.#cancelWait = undefined;
      this.#begin();
    });
  }

  #nextWait(ranMs: number): number {
    const { firstMs, longestMs, jitter, flapMs } = SUPERVISOR_TIMING;
    if (ranMs > flapMs) {
      this.#flaps = 0;
      return 0;
    }
    const flaps = this.#flaps++;
    const waitMs = Math.min(longestMs, firstMs * 2 ** flaps);
    return flaps === 0 ? waitMs : waitMs * (1 + jitter * this.#options.random());
  }
}

async function callSafely(task: () => Promise<void>): Promise<{ readonly error: unknown }> {
  try {
    await task();
    return { error: undefined };
  } catch (error) {
    return { error };
  }
}
