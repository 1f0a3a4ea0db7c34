import { setTimeout as sleep } from "node:timers/promises";

import { snapshotDue } from "@trellis/raft-node";
import { cpuMicrosecondsOf } from "@trellis/testkit";

import type { TrellisCalls } from "../trellis/trellis-calls.ts";
import type { MeasurePart } from "./context.ts";
import { type Figure, figureText, whole } from "./figure.ts";
import type { LargeStore } from "./large-store.ts";
import { failuresOf, type Pace, SteadyLoad } from "./steady-load.ts";

/** Who writes, and who reads small things, meanwhile. */
const WRITERS = 8;
const READERS = 8;
/** What the event loop may be kept at most while a snapshot is written. */
const TARGET_MS = 25;
const MEBIBYTE = 1024 ** 2;

/** What a stretch under load gave. */
interface Stretch {
  readonly delayMs: number;
  readonly writes: Pace;
  readonly reads: Pace;
}

/** What writing a snapshot does to a server under load, and what it costs. */
export const measureSnapshot: MeasurePart = async ({
  large: openLarge,
  resources,
  times: { baseMs },
  tell,
}) => {
  const large = await openLarge();
  await large.fillTo(resources);
  // One that is being made would be measured, too; and the next is not to find that there is nothing new.
  await large.snapshot();
  await large.use((calls) => calls.write(0, 0));
  tell("snapshot: with nothing else to do");
  const idle = await idleSnapshot(large);
  tell("snapshot: under load");
  const { without, during, snapshotMs } = await large.use((calls) => underLoad(large, calls, baseMs));
  const { entries: writes } = snapshotDue(idle.bytes);
  const note = ({ longestMs, p99Ms }: Pace): string => `p99 ${ms(p99Ms)}, longest ${ms(longestMs)}`;
  const paceFigure = (what: string, pace: Pace, alone: Pace): Figure => ({
    what,
    value: pace.perSecond,
    unit: "/s",
    note: `${note(pace)}; without: ${whole(alone.perSecond)}/s, ${note(alone)}`,
  });
  const figures: Figure[] = [
    {
      what: "longest event-loop delay while it is written, under load",
      value: during.delayMs,
      unit: "ms",
      target: TARGET_MS,
      note: `${ms(without.delayMs)} under load without it; ${ms(idle.delayMs)} with nothing else to do`,
    },
    { what: `snapshot of ${whole(resources)} written under load`, value: snapshotMs / 1_000, unit: "s" },
    {
      what: "snapshot written with nothing else to do",
      value: idle.tookMs / 1_000,
      unit: "s",
      note: `${whole(idle.bytes / MEBIBYTE)} MiB`,
    },
    {
      what: "CPU of a snapshot with nothing else to do",
      value: idle.cpuUs / 1e6,
      unit: "s",
      note: `${figureText({ value: idle.cpuUs / writes, unit: "µs" })} a write, with one every ${whole(writes)}`,
    },
    paceFigure("writes while it is written", during.writes, without.writes),
    paceFigure("strong reads while it is written", during.reads, without.reads),
  ];
  const failures = [without, during].flatMap(({ writes, reads }) => [
    ...failuresOf("writes", writes),
    ...failuresOf("reads", reads),
  ]);
  return { figures, failures };
};

async function idleSnapshot(large: LargeStore) {
  const { server } = large;
  const delay = await server.loopDelay();
  const before = cpuMicrosecondsOf(server.pid) ?? Number.NaN;
  const startedMs = performance.now();
  const bytes = await large.snapshot();
  const tookMs = performance.now() - startedMs;
  const cpuUs = (cpuMicrosecondsOf(server.pid) ?? Number.NaN) - before;
  const delayMs = await delay.takeLongestMs();
  delay.close();
  return { bytes, tookMs, cpuUs, delayMs };
}

async function underLoad(large: LargeStore, calls: TrellisCalls, baseMs: number) {
  const { data, server } = large;
  const writing = new SteadyLoad({
    callers: WRITERS,
    call: async (caller) => calls.write(caller, data.nextItem()).then(() => 1),
  });
  const reading = new SteadyLoad({
    callers: READERS,
    call: async (caller) => calls.read(caller, data.nextItem(), true).then(() => 1),
  });
  const delay = await server.loopDelay();
  const take = async (): Promise<Stretch> => ({
    delayMs: await delay.takeLongestMs(),
    writes: writing.take(),
    reads: reading.take(),
  });
  try {
    await sleep(baseMs / 5);
    await take();
    await sleep(baseMs);
    const without = await take();
    const startedMs = performance.now();
    await large.snapshot();
    const snapshotMs = performance.now() - startedMs;
    return { without, during: await take(), snapshotMs };
  } finally {
    delay.close();
    await Promise.all([writing.end(), reading.end()]);
  }
}

function ms(value: number): string {
  return figureText({ value, unit: "ms" });
}
