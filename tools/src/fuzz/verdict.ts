import type { FuzzResult } from "./run.ts";

/** The heap at the end may exceed the one after the warm-up by a tenth. */
const MAX_HEAP_RATIO = 1.1;
/** A reader beside the hostile clients waits at most this long, at the 99th percentile. */
const MAX_PROBE_P99_MS = 50;
/** Shorter runs are about answers only: their heap is still that of code being compiled, and their 99th percentile a handful of reads. */
export const MEASURED_FROM_REQUESTS = 5_000;
const SHOWN_COMPLAINTS = 5;

/** What a run shows that is not right, in words. */
export function faultsOf(result: FuzzResult): readonly string[] {
  const faults: string[] = [];
  const { probe, faultCount } = result;
  if (result.requests >= MEASURED_FROM_REQUESTS) faults.push(...measuredFaults(result));
  if (probe.failures > 0) faults.push(`${probe.failures} reads of a well-behaved client failed`);
  if (result.socketsLeft > 0) faults.push(`${result.socketsLeft} sockets stayed open`);
  if (faultCount > 0) faults.push(`${faultCount} answers are wrong`);
  faults.push(...result.faults);
  for (const complaint of result.complaints.slice(0, SHOWN_COMPLAINTS))
    faults.push(`the server says: ${complaint}`);
  return faults;
}

function measuredFaults({ heapRatio, probe, idleProbe }: FuzzResult): readonly string[] {
  const faults: string[] = [];
  if (heapRatio > MAX_HEAP_RATIO)
    faults.push(
      `the heap grew to ${heapRatio.toFixed(2)} of what it was, expected at most ${MAX_HEAP_RATIO}`,
    );
  if (probe.p99Ms > MAX_PROBE_P99_MS)
    faults.push(
      `a reader's p99 was ${probe.p99Ms.toFixed(1)} ms, expected at most ${MAX_PROBE_P99_MS}; alone it was ${idleProbe.p99Ms.toFixed(1)} ms`,
    );
  return faults;
}

/** The table's head. */
export const HEADING =
  "protocol        requests  seconds  heap MiB  heap ratio  reads  p99 ms  max ms  idle p99 ms  sockets left  answers";

/** A run as one line of the table. */
export function formatRow(result: FuzzResult): string {
  const answers = Object.entries(result.answers).map(([answer, count]) => `${answer}:${count}`);
  const { probe, idleProbe } = result;
  return [
    result.protocol.padEnd(14),
    String(result.requests).padStart(9),
    result.seconds.toFixed(1).padStart(8),
    (result.heapBytes / 2 ** 20).toFixed(1).padStart(9),
    result.heapRatio.toFixed(3).padStart(11),
    String(probe.reads).padStart(6),
    probe.p99Ms.toFixed(1).padStart(7),
    probe.maxMs.toFixed(1).padStart(7),
    idleProbe.p99Ms.toFixed(1).padStart(12),
    String(result.socketsLeft).padStart(13),
    ` ${answers.join(" ")}`,
  ].join(" ");
}
