import { describe, expect, it } from "@jest/globals";
import { emptyConfState, emptyHardState, type Entry, message, type Message } from "@trellis/raft";
import { openWal, type Wal, type WalLimits } from "@trellis/wal";

import { AppendPipeline } from "./append-pipeline.ts";
import { decodeHardState } from "./entry-codec.ts";
import { LogWindow } from "./log-window.ts";
import { MemoryVolume } from "./test-support/memory-volume.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { SMALL } from "./test-support/test-cluster.ts";
import { VirtualProcess, VirtualTime } from "./test-support/virtual-time.ts";

function entries(from: number, to: number, term: number, bytes = 10): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    index: from + at,
    term,
    type: "EntryNormal" as const,
    data: new Uint8Array(bytes),
  }));
}

function order(fields: Partial<Message>): Message {
  return message({ type: "MsgStorageAppend", ...fields });
}

class Bench {
  readonly time = new VirtualTime();
  readonly process = new VirtualProcess(this.time);
  readonly volume = new MemoryVolume();
  readonly done: Message[] = [];
  readonly started: string[] = [];
  readonly failures: unknown[] = [];
  refusals = 0;
  /** Ends the installation that is under way. */
  installed: () => void = () => undefined;
  readonly wal: Wal;
  readonly window: LogWindow;
  readonly pipeline: AppendPipeline;

  constructor(wal: Wal, parts: Pick<Bench, "time" | "process" | "volume">) {
    Object.assign(this, parts);
    this.wal = wal;
    const before = { index: 0, term: 0 };
    this.window = new LogWindow(
      { hardState: emptyHardState, confState: emptyConfState, snapshot: before, before },
      { memoryBytes: 1_000_000, onSnapshotWanted: () => undefined },
    );
    this.pipeline = new AppendPipeline({
      wal,
      window: this.window,
      hardState: emptyHardState,
      writeBytes: 4_000,
      writingBytes: 100_000,
      install: () => {
        this.started.push("install");
        return new Promise((resolve) => {
          this.installed = resolve;
        });
      },
      onDone: (finished) => this.done.push(finished),
      onRefused: () => this.refusals++,
      onFailure: (error) => this.failures.push(error),
    });
  }

  static async open(limits: Partial<WalLimits> = {}): Promise<Bench> {
    const time = new VirtualTime();
    const process = new VirtualProcess(time);
    const volume = new MemoryVolume();
    const disk = volume.disk("wal", { process, nowMs: () => time.nowMs });
    const opening = openWal(
      { disk, clock: process, random: seededRandom(1) },
      { limits: { ...SMALL.wal, ...limits } },
    );
    return new Bench(await time.settle(opening), { time, process, volume });
  }

  get terms(): readonly (number | undefined)[] {
    return Array.from({ length: this.wal.lastIndex }, (_, at) => this.wal.termOf(at + 1));
  }
}

describe("the append thread", () => {
  it("answers orders in their order, each once it is durable", async () => {
    const bench = await Bench.open();
    const orders = [
      order({ entries: entries(1, 3, 1), term: 1, vote: 1, commit: 0 }),
      // A new commit index alone is no write, and yet waits for what was ordered before it.
      order({ term: 1, vote: 1, commit: 1 }),
      order({ entries: entries(4, 4, 1) }),
    ];
    for (const each of orders) bench.pipeline.add(each);
    expect(bench.done).toEqual([]);
    expect(bench.window.lastIndex()).toBe(0);
    await bench.time.until("all is done", () => bench.done.length === 3);
    expect(bench.done).toEqual(orders);
    expect(bench.wal.lastIndex).toBe(4);
    expect(bench.window.lastIndex()).toBe(4);
    expect(bench.pipeline.isBusy).toBe(false);
    bench.volume.losePower("lost");
    const again = await openWal(
      { disk: bench.volume.disk("wal"), clock: bench.process, random: seededRandom(2) },
      { limits: SMALL.wal ?? {} },
    );
    expect(again.lastIndex).toBe(4);
    expect(decodeHardState(again.hardState)).toEqual({ term: 1, vote: 1, commit: 1 });
  });

  it("makes term and vote durable before it says so", async () => {
    const bench = await Bench.open();
    bench.pipeline.add(order({ term: 5, vote: 2, commit: 0 }));
    expect(bench.done).toEqual([]);
    await bench.time.until("it is done", () => bench.done.length === 1);
    const copy = bench.volume.afterPowerLoss().disk("wal");
    const again = await openWal(
      { disk: copy, clock: bench.process, random: seededRandom(2) },
      { limits: SMALL.wal ?? {} },
    );
    expect(decodeHardState(again.hardState)).toEqual({ term: 5, vote: 2, commit: 0 });
  });

  it("installs a snapshot alone: after all before it, and before all after it", async () => {
    const bench = await Bench.open();
    const snapshot = { data: new Uint8Array(), metadata: { index: 9, term: 1, confState: emptyConfState } };
    bench.pipeline.add(order({ entries: entries(1, 2, 1) }));
    bench.pipeline.add(order({ snapshot, term: 1, vote: 0, commit: 9 }));
    bench.pipeline.add(order({ term: 2, vote: 3, commit: 9 }));
    expect(bench.started).toEqual([]);
    expect(bench.pipeline.isInstalling(9)).toBe(true);
    await bench.time.until("it installs", () => bench.started.length === 1);
    expect(bench.done).toHaveLength(1);
    await bench.time.pass(100);
    expect(bench.done).toHaveLength(1);
    bench.installed();
    await bench.time.until("the rest is done", () => bench.done.length === 3);
    expect(bench.pipeline.isInstalling(9)).toBe(false);
    expect(decodeHardState(bench.wal.hardState).term).toBe(2);
  });

  it("writes a large order in parts, whose commit index is never beyond what they bring", async () => {
    const bench = await Bench.open();
    const states: { last: number; commit: number }[] = [];
    bench.volume.fault = ({ kind }) => {
      if (kind === "sync")
        states.push({ last: bench.wal.lastIndex, commit: decodeHardState(bench.wal.hardState).commit });
    };
    bench.pipeline.add(order({ entries: entries(1, 100, 2, 1_000), term: 2, vote: 0, commit: 85 }));
    await bench.time.until("it is done", () => bench.done.length === 1);
    expect(bench.wal.lastIndex).toBe(100);
    expect(decodeHardState(bench.wal.hardState)).toEqual({ term: 2, vote: 0, commit: 85 });
    expect(states.length).toBeGreaterThan(1);
    for (const { last, commit } of states) expect(commit).toBeLessThanOrEqual(last);
  });

  it("knows after a refusal for want of space what the log holds, also of an order of which a part got there", async () => {
    const bench = await Bench.open();
    bench.pipeline.add(order({ entries: entries(1, 20, 1, 100), term: 1, vote: 0, commit: 0 }));
    await bench.time.until("it is done", () => bench.done.length === 1);
    bench.volume.capacityBytes = bench.volume.usedBytes;
    // From 15 on another leader's: what is left of the old ones behind it is none of this log.
    bench.pipeline.add(order({ entries: entries(15, 200, 2, 1_000), term: 2, vote: 0, commit: 14 }));
    bench.pipeline.add(order({ term: 3, vote: 1, commit: 14 }));
    await bench.time.until("it is refused", () => bench.refusals === 1);
    expect(bench.failures).toEqual([]);
    expect(bench.done).toHaveLength(1);
    expect(bench.wal.lastIndex).toBeGreaterThan(20);
    expect(bench.wal.lastIndex).toBeLessThan(200);
    expect(bench.window.lastIndex()).toBe(bench.wal.lastIndex);
    expect(bench.terms).toEqual(bench.terms.map((_, at) => bench.window.term(at + 1)));
    await bench.time.pass(5_000);
    expect(bench.refusals).toBe(1);
    bench.pipeline.add(order({ entries: entries(21, 21, 3) }));
    await bench.time.pass(5_000);
    expect(bench.done).toHaveLength(1);
  });

  it("waits after a refusal for what was on its way already: it may get there", async () => {
    const bench = await Bench.open();
    bench.volume.capacityBytes = bench.volume.usedBytes + 4_096;
    void bench.wal.reserveSnapshotRoom(1_000_000);
    for (let index = 1; bench.refusals === 0 && index < 200; index++) {
      bench.pipeline.add(order({ entries: entries(index, index, 1) }));
      await bench.time.pass(0.1);
    }
    await bench.time.until("one is refused", () => bench.refusals === 1);
    expect(bench.failures).toEqual([]);
    expect(bench.window.lastIndex()).toBe(bench.wal.lastIndex);
    expect(bench.wal.lastIndex).toBeGreaterThan(bench.done.length);
  });

  it("is over when the disk fails", async () => {
    const bench = await Bench.open();
    bench.volume.fault = ({ kind }) => {
      if (kind === "sync") throw Object.assign(new Error("EIO"), { code: "EIO" });
    };
    bench.pipeline.add(order({ entries: entries(1, 3, 1) }));
    bench.pipeline.add(order({ entries: entries(4, 5, 1) }));
    await bench.time.until("it fails", () => bench.failures.length > 0);
    await bench.time.pass(1_000);
    expect(bench.failures).toHaveLength(1);
    expect(bench.done).toEqual([]);
    expect(bench.refusals).toBe(0);
  });

  it("lets no more bytes be on their way than the log takes, of one order or of many", async () => {
    const bench = await Bench.open({ queuedBytes: 200_000 });
    bench.volume.stalledUntilMs = bench.time.nowMs + 500;
    for (let at = 0; at < 6; at++)
      bench.pipeline.add(order({ entries: entries(1 + at * 10, 10 + at * 10, 1, 4_000) }));
    bench.pipeline.add(order({ entries: entries(61, 160, 1, 4_000) }));
    await bench.time.until("all is done", () => bench.done.length === 7);
    expect(bench.failures).toEqual([]);
    expect(bench.wal.lastIndex).toBe(160);
  });
});
