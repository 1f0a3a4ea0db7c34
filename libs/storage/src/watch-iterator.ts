import type { Watch, WatchBatch } from "./watch.ts";

/** A watch as `for await` reads it: to the end of its batches, and closed by whoever leaves off before. */
export function watchIterator(watch: Pick<Watch, "next" | "close">): AsyncIterator<WatchBatch, undefined> {
  return {
    next: async () => {
      const value = await watch.next();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    return: async () => {
      watch.close();
      return { done: true, value: undefined };
    },
  };
}
