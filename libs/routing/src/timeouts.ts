import { type Clock, Linked, LinkedItems } from "@trellis/resource";

/** One that waits for its time. */
export class Timeout extends Linked {
  readonly dueMs: number;
  readonly callback: () => void;

  constructor(dueMs: number, callback: () => void) {
    super();
    this.dueMs = dueMs;
    this.callback = callback;
  }
}

/** Many timeouts of one length, behind one timer of the clock: it is set for the oldest. Most are cancelled before their time, by calls that are answered. */
export class Timeouts {
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #delayMs: number;
  readonly #waiting = new LinkedItems<Timeout>();
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Pick<Clock, "after" | "monotonic">, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Calls back when its time has come. */
  add(callback: () => void): Timeout {
    const timeout = new Timeout(this.#clock.monotonic() + this.#delayMs, callback);
    this.#waiting.add(timeout);
    if (this.#cancelTimer === undefined) this.#wait(this.#delayMs);
    return timeout;
  }

  /** Does nothing to one that has called back. */
  cancel(timeout: Timeout): void {
    this.#waiting.remove(timeout);
    if (this.#waiting.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Sets the timer, also where one that was added meanwhile has set it for later. */
  #wait(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monotonic();
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      if (first.dueMs > nowMs) {
        this.#wait(first.dueMs - nowMs);
        return;
      }
      this.#waiting.remove(first);
      first.callback();
    }
  }
}
