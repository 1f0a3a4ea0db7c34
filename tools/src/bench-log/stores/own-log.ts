import { openNodeDisk, openWal, type WalClock } from "@trellis/wal";

import type { LogStoreKind } from "./log-store.ts";

const clock: WalClock = {
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Ours, as a node has it: its bounds by default, each batch one append. */
export const ownLog: LogStoreKind = {
  name: "trellis wal",
  async open(directory) {
    const wal = await openWal({ disk: await openNodeDisk(directory), clock, random: Math.random });
    return {
      async append(firstIndex, entries) {
        await wal.append({
          entries: entries.map((bytes, position) => ({ index: firstIndex + position, term: 1, bytes })),
        });
      },
      async dropBefore(index) {
        await wal.append({ snapshot: { index: index - 1, term: 1 } });
        // In the background, as a node does it.
        void wal.dropBefore(index);
      },
      close: async () => await wal.close(),
    };
  },
};
