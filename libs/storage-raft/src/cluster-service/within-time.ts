import type { Clock } from "@trellis/resource";

/** How long something may take, and who else may end it. */
export interface Within {
  readonly clock: Clock;
  readonly ms: number;
  readonly signal?: AbortSignal | undefined;
}

/** Does something under a signal that aborts when the time is up, or when the caller's does; rejects then, whether the work minds the signal or not. */
export async function withinTime<T>(
  { clock, ms, signal }: Within,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(signal?.reason);
  const cancel = clock.after(ms, () => ending.abort(new Error(`no answer within ${ms} ms`)), {
    keepAlive: true,
  });
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  try {
    const ended = new Promise<never>((_, reject) => {
      const end = (): void => reject(ending.signal.reason as Error);
      if (ending.signal.aborted) end();
      else ending.signal.addEventListener("abort", end, { once: true });
    });
    return await Promise.race([work(ending.signal), ended]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
