import type { StoreCalls } from "./store-calls.ts";

/** Resources of one call, and calls under way. */
const BATCH = 100;
const CALLERS = 8;

/** Writes the items from `from` on, 0 if left out, to `count` - 1. `onWritten` is told, after each call, how many there are. */
export async function fill(
  calls: Pick<StoreCalls, "writeMany">,
  count: number,
  {
    from = 0,
    onWritten = () => undefined,
  }: { readonly from?: number; readonly onWritten?: (items: number) => void } = {},
): Promise<void> {
  let next = from;
  let written = from;
  const runCaller = async (caller: number): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + BATCH);
      const items = Array.from({ length: next - first }, (_, at) => first + at);
      await calls.writeMany(caller, items, true);
      written += items.length;
      onWritten(written);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => runCaller(caller)));
}
