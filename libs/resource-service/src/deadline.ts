import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { type Clock, isAborted } from "@trellis/resource";

import { DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS } from "./limits.ts";

/** Of a caller's time so much is kept for the answer, or this share of a short one: one that says what was waited for is of use only while somebody listens. */
const ANSWER_MS = 200;
const ANSWER_SHARE = 0.05;
/** But no less than so much, or half of a very short one: a store looks now and then whether a commit is still waited for, every 25 ms, and then tells what became of it. */
const LEAST_ANSWER_MS = 30;

/**
 * How long one call may still take: the caller's deadline, less what its answer takes, or the default one. The clock runs from the beginning, but no timer and no signal is
 * made before somebody waits: most reads never do.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #context: HandlerContext;
  readonly #limitMs: number;
  readonly #endsMs: number;
  #controller: AbortController | undefined;
  #stopTimer: (() => void) | undefined;
  #isOver = false;

  constructor(clock: Clock, context: HandlerContext) {
    this.#clock = clock;
    this.#context = context;
    this.#limitMs = Math.min(withoutAnswer(context.timeoutMs()) ?? DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS);
    this.#endsMs = clock.monotonic() + this.#limitMs;
  }

  /** Aborted when the time is up or the caller goes away; not any more once the call is over. */
  get signal(): AbortSignal {
    return (this.#controller ??= this.#watch()).signal;
  }

  /** Whether the signal is aborted, or would be if there were one. */
  get isAborted(): boolean {
    if (this.#controller !== undefined) return this.#controller.signal.aborted;
    return isAborted(this.#context) || this.#clock.monotonic() >= this.#endsMs;
  }

  /** The call is over. */
  dispose(): void {
    this.#isOver = true;
    this.#stopTimer?.();
    if (this.#controller !== undefined) this.#context.signal.removeEventListener("abort", this.#follow);
  }

  #watch(): AbortController {
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = this.#context;
    if (signal.aborted) this.#follow();
    if (this.#isOver || signal.aborted) return controller;
    const leftMs = this.#endsMs - this.#clock.monotonic();
    if (leftMs <= 0) {
      this.#pass();
      return controller;
    }
    signal.addEventListener("abort", this.#follow, { once: true });
    this.#stopTimer = this.#clock.after(leftMs, () => this.#pass());
    return controller;
  }

  #pass(): void {
    const message = `the deadline of ${this.#limitMs} ms passed`;
    this.#controller?.abort(new ConnectError(message, Code.DeadlineExceeded));
  }

  readonly #follow = (): void => this.#controller?.abort(this.#context.signal.reason);
}

function withoutAnswer(callersMs: number | undefined): number | undefined {
  if (callersMs === undefined) return undefined;
  const share = Math.max(callersMs * ANSWER_SHARE, Math.min(LEAST_ANSWER_MS, callersMs / 2));
  return Math.floor(callersMs - Math.min(ANSWER_MS, share));
}

/** Waits, or rejects with the signal's reason when it ends first. */
export function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const ended = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", ended);
      resolve();
    });
    signal.addEventListener("abort", ended, { once: true });
  });
}
