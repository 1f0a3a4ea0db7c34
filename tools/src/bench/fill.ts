import type { StoreCalls } from "./store-calls.ts";

/** Resources of one call, and calls under way. */
const BATCH = 100;
const CALLERS = 8;

/** Writes the items 0 to `count` - 1. */
export async function fill(calls: StoreCalls, count: number): Promise<void> {
  let next = 0;
  const runCaller = async (caller: number): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + BATCH);
      const items = Array.from({ length: next - first }, (_, at) => first + at);
      await calls.writeMany(caller, items, true);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => runCaller(caller)));
}
