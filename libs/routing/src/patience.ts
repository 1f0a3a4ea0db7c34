import type { Clock } from "@trellis/resource";

/** How long a call is held that says nothing itself. */
export const HOLD_MS = 30_000;

/** How long one call may take: until its caller's signal, or a time where there is none. */
export class Patience {
  readonly signal: AbortSignal;
  readonly #cancel: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal | undefined, holdMs = HOLD_MS) {
    if (signal !== undefined) {
      this.signal = signal;
      return;
    }
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#cancel = clock.after(holdMs, () => controller.abort());
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Frees the timer. */
  end(): void {
    this.#cancel?.();
  }
}
