import type { AppendQueue } from "./append-queue.ts";
import type { WalClock } from "./disk.ts";

/** How long the oldest append of a batch waits for others at most, in milliseconds, besides the turn that is under way then. */
const MAX_GATHER_MS = 1;
/** A turn of the event loop that takes less had nothing to do: nobody is about to append more. */
const IDLE_TURN_MS = 0.05;
/** A batch of so many bytes waits for no others. */
const ENOUGH_BYTES = 64 * 1024;

/**
 * Lets others join the next batch while the event loop has other work: what is read from sockets in the next turns brings appends more often than not, and a batch costs
 * the same for one as for twenty, as do the answers that leave together after it. Who is alone, so that a turn has nothing to do, waits for that turn only.
 */
export async function gather(queue: AppendQueue, clock: WalClock): Promise<void> {
  for (;;) {
    const nowMs = clock.monotonic();
    const sinceMs = queue.oldestSinceMs ?? nowMs;
    if (nowMs - sinceMs >= MAX_GATHER_MS || queue.bytes >= ENOUGH_BYTES) return;
    if (clock.nextTurn === undefined) return;
    await new Promise<void>((resolve) => clock.nextTurn?.(resolve));
    if (clock.monotonic() - nowMs < IDLE_TURN_MS) return;
  }
}
