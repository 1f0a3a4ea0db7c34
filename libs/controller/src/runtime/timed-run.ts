import type { Clock } from "@trellis/resource";

import { type Result, retry } from "../result.ts";
import { RunSignal } from "./run-signal.ts";

/** A run that took longer than its controller's `timeoutMs`. */
export class RunTimeoutError extends Error {
  override readonly name = "RunTimeoutError";

  constructor(timeoutMs: number) {
    super(
      `a run took longer than ${timeoutMs} ms and was cut off: heed context.signal, do less in one run, or raise timeoutMs`,
    );
  }
}

/** What bounds a run. */
export interface TimedRunOptions {
  readonly clock: Clock;
  /** Any time when absent. */
  readonly timeoutMs?: number | undefined;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
  /** Aborted when nothing may be called any more. */
  readonly cutOff: AbortSignal;
}

/** The two signals of one run. */
export interface RunSignals {
  /** Tells the author's code to end. */
  readonly signal: () => AbortSignal;
  /** Ends its calls, those too that come after the run. */
  readonly cutOff: AbortSignal;
}

/** A run under way. */
export interface TimedRun {
  /** How it ended, or that it took too long; never throws. */
  readonly result: Promise<Result>;
  /** Resolves when it has really ended; never throws. */
  readonly ended: Promise<void>;
}

/** Runs something for as long as it may take. Then its signals are aborted, and it has failed, whether it notices or not. */
export function startTimed(
  run: (signals: RunSignals) => Promise<Result>,
  { clock, timeoutMs, signal, cutOff }: TimedRunOptions,
): TimedRun {
  const own = new RunSignal(signal);
  const get = (): AbortSignal => own.get();
  if (timeoutMs === undefined) {
    const result = safely(() => run({ signal: get, cutOff }));
    return { result, ended: result.then(() => own.end()) };
  }
  const timeout = new AbortController();
  const ran = safely(() => run({ signal: get, cutOff: AbortSignal.any([cutOff, timeout.signal]) }));
  let cancel = (): void => undefined;
  const tooLong = new Promise<Result>((resolve) => {
    cancel = clock.after(timeoutMs, () => {
      const error = new RunTimeoutError(timeoutMs);
      resolve(retry(error));
      own.abort(error);
      timeout.abort(error);
    });
  });
  const ended = ran.then(() => {
    cancel();
    own.end();
  });
  return { result: Promise.race([ran, tooLong]), ended };
}

async function safely(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    return retry(error);
  }
}
