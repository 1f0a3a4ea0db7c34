import { RaftNodeError } from "../errors.ts";
import type { NodeClock } from "../ports.ts";

/** Pieces as they come, each within a time after the one before. Rejects with `unavailable` when one does not come: whoever sends may be gone without a word. */
export async function* withinTime<T>(
  pieces: AsyncIterable<T>,
  { clock, limitMs }: { readonly clock: NodeClock; readonly limitMs: number },
): AsyncGenerator<T> {
  const source = pieces[Symbol.asyncIterator]();
  let isLate = false;
  try {
    for (;;) {
      const next = await nextWithin(source, clock, limitMs);
      if (next === undefined) {
        isLate = true;
        throw new RaftNodeError(
          "unavailable",
          `expected the next piece of a snapshot within ${limitMs} ms, found none; the sender tries again`,
        );
      }
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // One that does not come is not waited for either.
    const ended = source.return?.();
    if (isLate) ended?.catch(() => undefined);
    else await ended;
  }
}

async function nextWithin<T>(
  source: AsyncIterator<T>,
  clock: NodeClock,
  limitMs: number,
): Promise<IteratorResult<T> | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(limitMs, () => resolve(undefined));
  });
  const next = source.next();
  // Its failure counts as long as somebody waits for it.
  next.catch(() => undefined);
  try {
    return await Promise.race([next, late]);
  } finally {
    cancel();
  }
}
