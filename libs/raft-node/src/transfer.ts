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
  if (signal?.aborted === true) throw aborted();
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

function aborted(): RaftNodeError {
  return new RaftNodeError("aborted", "the caller ended the wait; the transfer goes on");
}
