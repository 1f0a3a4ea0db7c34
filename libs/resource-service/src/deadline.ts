import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "@trellis/resource";

import { DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS } from "./limits.ts";

/** How long a call may still take. */
export interface Deadline {
  /** Aborted when the time is up or the caller goes away. */
  readonly signal: AbortSignal;
  /** Frees the timer. */
  dispose(): void;
}

/** Of a caller's time so much is kept for the answer, or this share of a short one: one that says what was waited for is of use only while somebody listens. */
const ANSWER_MS = 200;
const ANSWER_SHARE = 0.05;

/** Starts the clock of one call: the caller's deadline, less what its answer takes, or the default one. */
export function startDeadline(clock: Clock, context: HandlerContext): Deadline {
  const controller = new AbortController();
  const limitMs = Math.min(withoutAnswer(context.timeoutMs()) ?? DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS);
  const stopTimer = clock.after(Math.max(limitMs, 0), () => {
    controller.abort(new ConnectError(`the deadline of ${limitMs} ms passed`, Code.DeadlineExceeded));
  });
  const follow = (): void => controller.abort(context.signal.reason);
  if (context.signal.aborted) follow();
  else context.signal.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    dispose() {
      stopTimer();
      context.signal.removeEventListener("abort", follow);
    },
  };
}

function withoutAnswer(callersMs: number | undefined): number | undefined {
  if (callersMs === undefined) return undefined;
  return Math.floor(callersMs - Math.min(ANSWER_MS, callersMs * ANSWER_SHARE));
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
