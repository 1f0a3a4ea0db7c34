import { CallEnding, type CallSignal } from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { type ClusterView, type Reached, ViewListener } from "../servers/cluster-view.ts";
import type { Timeout, Timeouts } from "../timeouts.ts";

/** When an attempt without an answer is slow, and whether it is then given up. */
export interface SlowAttempts {
  readonly timeouts: Timeouts;
  readonly isGivenUp: () => boolean;
}

/** What is to be done on a link, and what ends it. */
export interface AttemptInit<T> {
  readonly run: (link: StorageLink, signal: CallSignal) => Promise<T>;
  readonly patience: CallSignal;
  readonly isOvertaken: () => boolean;
  readonly slow?: SlowAttempts | undefined;
}

/** Makes one call on one link; it is given up when its caller's patience ends, once the view says that another is to be asked, or when it is slow. */
export function attempt<T>(view: ClusterView, reached: Reached, init: AttemptInit<T>): Promise<T> {
  return new Attempt(view, init).on(reached.link);
}

class Attempt<T> extends ViewListener {
  readonly #view: ClusterView;
  readonly #init: AttemptInit<T>;
  readonly #ending = new CallEnding();
  #timeout: Timeout | undefined;

  constructor(view: ClusterView, init: AttemptInit<T>) {
    super();
    this.#view = view;
    this.#init = init;
  }

  on(link: StorageLink): Promise<T> {
    const { run, patience, slow } = this.#init;
    this.#view.listen(this);
    this.#timeout = slow?.timeouts.add(() => {
      if (slow.isGivenUp()) this.#abort();
    });
    patience.addEventListener("abort", this.#abort);
    if (patience.aborted) this.#abort();
    return run(link, this.#ending).then(this.#succeeded, this.#failed);
  }

  override tell(): void {
    if (this.#init.isOvertaken()) this.#abort();
  }

  readonly #abort = (): void => this.#ending.abort();

  readonly #succeeded = (answer: T): T => {
    this.#end();
    return answer;
  };

  readonly #failed = (error: unknown): never => {
    this.#end();
    throw error;
  };

  #end(): void {
    const { patience, slow } = this.#init;
    this.#view.unlisten(this);
    if (this.#timeout !== undefined) slow?.timeouts.cancel(this.#timeout);
    patience.removeEventListener("abort", this.#abort);
  }
}
