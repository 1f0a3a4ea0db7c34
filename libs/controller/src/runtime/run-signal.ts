/**
 * The signal of one run: aborted with the controller's for as long as the run is under way, or by itself. The controller's would keep what a run has listen to it, which runs seldom take back,
 * for as long as the controller runs. Made when it is first asked for: many runs never do.
 */
export class RunSignal {
  readonly #controllers: AbortSignal;
  readonly #own = new LazyAbort();
  readonly #follow = (): void => this.abort(this.#controllers.reason);
  #follows = false;
  #ended = false;

  constructor(controllers: AbortSignal) {
    this.#controllers = controllers;
  }

  /** The same whenever it is asked for. */
  get(): AbortSignal {
    if (this.#controllers.aborted && !this.#ended) this.#follow();
    else if (!this.#follows && !this.#ended) {
      this.#follows = true;
      this.#controllers.addEventListener("abort", this.#follow, { once: true });
    }
    return this.#own.signal;
  }

  abort(reason: unknown): void {
    this.#own.abort(reason);
  }

  /** The run is over: nothing that happens to the controller concerns it. */
  end(): void {
    this.#ended = true;
    this.#controllers.removeEventListener("abort", this.#follow);
  }
}

/** An abort controller that is there once its signal is asked for. */
class LazyAbort {
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}
