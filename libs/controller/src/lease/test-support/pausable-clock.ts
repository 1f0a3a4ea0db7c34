import type { Clock } from "@trellis/resource";

/** The clock of one process on virtual time, which can be stopped as by SIGSTOP: time goes on, and what was due runs once it goes on too. */
export class PausableClock implements Clock {
  readonly #clock: Clock;
  readonly #due: (() => void)[] = [];
  #resumed: PromiseWithResolvers<void> | undefined;
  /** How far the wall clock is off, in milliseconds. */
  wallOffMs = 0;
  /** How fast it runs: two processes' clocks differ by parts per million, and in tests by more. */
  readonly #rate: number;

  constructor(clock: Clock, rate = 1) {
    this.#clock = clock;
    this.#rate = rate;
  }

  now(): number {
    return this.#clock.now() + this.wallOffMs;
  }

  monotonic(): number {
    return this.#clock.monotonic() * this.#rate;
  }

  after(delayMs: number, callback: () => void): () => void {
    let canceled = false;
    const run = (): void => {
      if (!canceled) callback();
    };
    const cancel = this.#clock.after(delayMs / this.#rate, () => {
      if (this.#resumed === undefined) run();
      else this.#due.push(run);
    });
    return () => {
      canceled = true;
      cancel();
    };
  }

  /** Resolves when the process runs. */
  get running(): Promise<void> | undefined {
    return this.#resumed?.promise;
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers();
  }

  resume(): void {
    const resumed = this.#resumed;
    this.#resumed = undefined;
    resumed?.resolve();
    for (const run of this.#due.splice(0)) run();
  }
}
