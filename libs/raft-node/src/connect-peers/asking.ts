import { RaftNodeError } from "../errors.ts";
import type { NodeClock } from "../ports.ts";

/** How often those that do not answer yet are asked again, and how long an answer may take. */
export const ASK_AGAIN_MS = 250;
export const ANSWER_MS = 2_000;

/** Waits between two rounds of asking. Rejects with `aborted`. */
export async function sleep(clock: NodeClock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(stoppedWhileWaiting());
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

export function stoppedWhileWaiting(): RaftNodeError {
  return new RaftNodeError("aborted", "the node was stopped while it waited for its cluster");
}
