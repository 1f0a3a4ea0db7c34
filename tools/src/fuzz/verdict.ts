import type { FuzzResult } from "./run.ts";

/** The heap at the end may exceed the one after the warm-up by a tenth. */
const MAX_HEAP_RATIO = 1.1;
/** A reader beside the hostile clients waits at most this long, at the 99th percentile. */
const MAX_PROBE_P99_MS = 50;

/** What a run shows that is not right, in words. */
export function faultsOf(result: FuzzResult): readonly string[] {
  const faults: string[] = [];
  if (result.heapRatio > MAX_HEAP_RATIO)
    faults.push(
      `the heap grew to ${result.heapRatio.toFixed(2)} of what it was, expected at most ${MAX_HEAP_RATIO}`,
    );
  if (result.probeP99Ms > MAX_PROBE_P99_MS)
    faults.push(
      `a reader's p99 was ${result.probeP99Ms.toFixed(1)} ms, expected at most ${MAX_PROBE_P99_MS}`,
    );
  if (result.probeFailures > 0) faults.push(`${result.probeFailures} reads of a well-behaved client failed`);
  if (result.socketsLeft > 0) faults.push(`${result.socketsLeft} sockets stayed open`);
  if (result.hung > 0) faults.push(`${result.hung} requests had no answer`);
  for (const text of result.internal) faults.push(`the server blames itself: ${text.slice(0, 300)}`);
  return faults;
}

/** The table's head. */
export const HEADING =
  "protocol        requests  seconds  heap MiB  heap ratio  probe p99 ms  sockets left  answers";

/** A run as one line of the table. */
export function formatRow(result: FuzzResult): string {
  const statuses = Object.entries(result.statuses)
    .map(([status, count]) => `${status}:${count}`)
    .join(" ");
  return [
    result.protocol.padEnd(14),
    String(result.requests).padStart(9),
    result.seconds.toFixed(1).padStart(8),
    (result.heapBytes / 2 ** 20).toFixed(1).padStart(9),
    result.heapRatio.toFixed(3).padStart(11),
    result.probeP99Ms.toFixed(1).padStart(13),
    String(result.socketsLeft).padStart(13),
    ` ${statuses}`,
  ].join(" ");
}
