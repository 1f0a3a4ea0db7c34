/**
 * How many entries a second the log makes durable, and what a batch costs: `node libs/wal/bench/append.ts [DIRECTORY] [SECONDS]`. Entries of 600
 * bytes; a batch is one append, and the next one is given while the one before it syncs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openNodeDisk, openWal, type Wal } from "../src/index.ts";
import { systemClock } from "../src/test-support/system-clock.ts";

const [parent = tmpdir(), seconds = "3"] = process.argv.slice(2);
const ENTRY = new Uint8Array(600).fill(0x61);
const SNAPSHOT_EVERY_ENTRIES = 100_000;

/** One append after the other, each with so many entries; `ahead` appends are given before the first is durable. */
async function run(wal: Wal, batch: number, ahead: number): Promise<void> {
  const endMs = performance.now() + Number(seconds) * 1000;
  const latenciesMs: number[] = [];
  let next = wal.lastIndex + 1;
  let marked = wal.lastIndex;
  const before = { cpu: process.cpuUsage(), figures: wal.figures(), atMs: performance.now() };
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const entries = Array.from({ length: batch }, () => ({ index: next++, term: 1, bytes: ENTRY }));
      const startMs = performance.now();
      await wal.append({ entries });
      latenciesMs.push(performance.now() - startMs);
      if (wal.lastIndex - marked > SNAPSHOT_EVERY_ENTRIES) {
        marked = wal.lastIndex;
        await wal.append({ snapshot: { index: marked, term: 1 } });
        void wal.dropBefore(marked);
      }
    }
  };
  await Promise.all(Array.from({ length: ahead }, lane));
  const cpu = process.cpuUsage(before.cpu);
  const elapsedS = (performance.now() - before.atMs) / 1000;
  const figures = wal.figures();
  const batches = figures.batches - before.figures.batches;
  const entries = figures.entries - before.figures.entries;
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): string =>
    `${(latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0).toFixed(3)} ms`;
  console.log(
    `${String(batch).padStart(4)} entries an append, ${String(ahead).padStart(3)} appends at a time: ` +
      `${Math.round(entries / elapsedS)} entries/s, ${Math.round(batches / elapsedS)} batches/s, ` +
      `${((cpu.user + cpu.system) / batches).toFixed(0)} µs CPU a batch, p50 ${at(0.5)}, p99 ${at(0.99)}`,
  );
}

const directory = mkdtempSync(join(parent, "trellis-wal-bench-"));
try {
  const disk = await openNodeDisk(directory);
  const wal = await openWal({ disk, clock: systemClock, random: Math.random });
  await run(wal, 16, 1);
  console.log("— warm —");
  for (const [batch, ahead] of [
    [1, 1],
    [16, 1],
    [128, 1],
    [1, 16],
    [1, 128],
  ] as const) {
    await run(wal, batch, ahead);
  }
  const { segmentsCreated, segmentsRecycled, bytesWritten } = wal.figures();
  console.log(
    `${segmentsCreated} segments created, ${segmentsRecycled} recycled, ${bytesWritten} bytes written`,
  );
  await wal.close();
} finally {
  rmSync(directory, { recursive: true });
}
