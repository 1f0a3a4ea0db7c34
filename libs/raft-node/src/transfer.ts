import type { NodeId } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import type { NodeClock } from "./ports.ts";

/** What waiting for a transfer needs. */
export interface TransferWait {
  readonly clock: NodeClock;
  readonly target: NodeId;
  /** The core gives a transfer up after an election timeout. */
  readonly withinMs: number;
  readonly isThrough: () => boolean;
  readonly onChange: (listener: () => void) => () => void;
  readonly signal: AbortSignal | undefined;
}

/** Resolves when this node does not lead any more. Rejects with `unavailable` when that takes too long, and with `aborted`. */
export async function awaitTransfer({
  clock,
  target,
  withinMs,
  isThrough,
  onChange,
  signal,
}: TransferWait): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const end = (settle: () => void): void => {
      stopListening();
      cancel();
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const stopListening = onChange(() => {
      if (isThrough()) end(resolve);
    });
    const cancel = clock.after(withinMs, () => {
      const late = `member ${target} did not take over within ${withinMs} ms; this node still leads`;
      end(() => reject(new RaftNodeError("unavailable", late)));
    });
    const onAbort = (): void => {
      end(() => reject(aborted()));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** What was asked for, unless the caller's signal ends the wait first. Rejects with `aborted` then. */
export async function beforeAbort<T>(asked: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await asked;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(aborted());
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([asked, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function aborted(): RaftNodeError {
  return new RaftNodeError("aborted", "the caller ended the wait; the transfer goes on");
}
