import { setTimeout as sleep } from "node:timers/promises";

import type { Dataset } from "../dataset.ts";
import type { Watch } from "../store-calls.ts";
import { shownVersion, type TrellisCalls } from "../trellis/trellis-calls.ts";
import { openInTurns } from "../watchers.ts";

/** How long the last events may take to come. */
const LAST_EVENTS_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** Watches, each of another item. */
export interface EachWatched {
  /** How many there are; the server refused the others. */
  readonly count: number;
  /** How many never showed what was written to their item last, once there was time for it. */
  missing(): Promise<number>;
  close(): void;
}

/** Opens a watch of each of the items 0 to `count` - 1, and waits until each that the server takes will tell every later change. */
export async function openEach(
  calls: TrellisCalls,
  { count, data }: { readonly count: number; readonly data: Dataset },
): Promise<EachWatched> {
  const shown = new Float64Array(count);
  const open = (item: number): Watch =>
    calls.watchEvents(item, item, (event) => {
      const version = shownVersion(event);
      if (version > (shown[item] ?? 0)) shown[item] = version;
    });
  const watches = await openInTurns(count, open, true);
  const items = watches.flatMap((watch, item) => (watch === undefined ? [] : [item]));
  // What was written before came with the watch's first state.
  const before = Float64Array.from(watches, (_, item) => data.version(item));
  return {
    count: items.length,
    async missing() {
      const isBehind = (item: number): boolean =>
        data.version(item) > Math.max(before[item] ?? 0, shown[item] ?? 0);
      const behind = (): number => items.filter(isBehind).length;
      const untilMs = performance.now() + LAST_EVENTS_MS;
      while (behind() > 0 && performance.now() < untilMs) await sleep(LOOK_EVERY_MS);
      return behind();
    },
    close() {
      for (const watch of watches) watch?.close();
    },
  };
}
