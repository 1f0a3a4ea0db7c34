import { describe, expect, it } from "@jest/globals";
import { emptyConfState, emptyHardState, message, type Message } from "@trellis/raft";
import { openWal, type Wal } from "@trellis/wal";

import { LogWindow } from "./log-window.ts";
import { Machines } from "./machines.ts";
import type { SnapshotHeader } from "./member.ts";
import { resolveOptions } from "./options.ts";
import { SnapshotWork } from "./snapshot-work.ts";
import { SnapshotStore } from "./snapshots/snapshot-store.ts";
import { ListMachine } from "./test-support/list-machine.ts";
import { MemoryNetwork } from "./test-support/memory-network.ts";
import { MemoryVolume } from "./test-support/memory-volume.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { SMALL } from "./test-support/test-cluster.ts";
import { reactions, VirtualProcess, VirtualTime } from "./test-support/virtual-time.ts";

const confState = { ...emptyConfState, voters: [1, 2] };
const headerAt = (index: number, term: number): SnapshotHeader => ({
  clusterId: "c",
  index,
  term,
  confState,
  members: [],
  featureLevel: 1,
});

/** A follower's work with snapshots, on a log of twenty entries, and a snapshot of entry 50 that another member has. */
class Bench {
  readonly machine = new ListMachine();
  readonly received: Message[] = [];
  readonly failures: unknown[] = [];
  applied = { index: 20, term: 1 };
  readonly wal: Wal;
  readonly store: SnapshotStore;
  readonly work: SnapshotWork;

  constructor(wal: Wal, store: SnapshotStore, clock: VirtualProcess, time: VirtualTime) {
    this.wal = wal;
    this.store = store;
    const before = { index: 0, term: 0 };
    const entries = Array.from({ length: 20 }, (_, at) => ({
      index: at + 1,
      term: 1,
      type: "EntryNormal" as const,
      data: Uint8Array.of(2),
    }));
    const start = { hardState: emptyHardState, confState, snapshot: before, before };
    const window = new LogWindow(start, { memoryBytes: 1_000, onSnapshotWanted: () => undefined });
    window.append(entries);
    this.work = new SnapshotWork(
      {
        clock,
        network: new MemoryNetwork(time).connect(1, clock),
        machines: new Machines([this.machine]),
        wal,
        window,
        store,
        onEvent: () => undefined,
        headerAt,
        applied: () => this.applied,
        replayedThrough: 15,
        onSent: () => undefined,
        onReceived: (found) => this.received.push(found),
        onFailure: (error) => this.failures.push(error),
        hasSpace: () => wal.state !== "out-of-space",
      },
      resolveOptions({ entryBytes: 1024 }, SMALL.wal),
      undefined,
    );
  }

  static async open(): Promise<Bench> {
    const time = new VirtualTime();
    const clock = new VirtualProcess(time);
    const volume = new MemoryVolume();
    // Time stands still here, and so would turns that batches wait for.
    const standing = { monotonic: () => clock.monotonic(), after: () => () => undefined };
    const deps = { disk: volume.disk("wal"), clock: standing, random: seededRandom(1) };
    const wal = await openWal(deps, { limits: SMALL.wal ?? {} });
    const entries = Array.from({ length: 20 }, (_, at) => ({
      index: at + 1,
      term: 1,
      bytes: Uint8Array.of(2),
    }));
    await wal.append({ entries });
    return new Bench(wal, await SnapshotStore.open(volume.disk("snapshots")), clock, time);
  }

  async receive(index: number, term = 2): Promise<void> {
    const volume = new MemoryVolume();
    const other = await SnapshotStore.open(volume.disk("snapshots"));
    const made = await other.write(
      headerAt(index, term),
      new Machines([new ListMachine()]).capture().chunks(),
    );
    const snapshot = { data: new Uint8Array(), metadata: { index, term, confState } };
    await this.work.receive(2, {
      message: message({ type: "MsgSnap", from: 2, to: 1, snapshot }),
      bytes: made.bytes,
      chunks: other.pieces(made),
    });
  }
}

describe("the work with snapshots", () => {
  it("goes on after the log had no room for a snapshot that was ready to be put in", async () => {
    const bench = await Bench.open();
    await bench.receive(50);
    await bench.work.prepare(50, 2);
    bench.work.notInstalled();
    bench.work.dropUnused(() => false);
    expect(await bench.work.take()).toBe(20);
    expect(bench.work.newestIndex).toBe(20);
    expect(bench.wal.snapshot).toEqual({ index: 20, term: 1 });
    // And the leader may send it again.
    await bench.receive(50);
    expect(bench.received).toHaveLength(2);
    expect(bench.failures).toEqual([]);
  });

  it("drops its own snapshot of before, when another is put in while it is being made", async () => {
    const bench = await Bench.open();
    await bench.receive(50);
    const making = bench.work.take();
    await bench.work.prepare(50, 2);
    await bench.wal.append({ snapshot: { index: 50, term: 2, installed: true } });
    bench.applied = { index: 50, term: 2 };
    await bench.work.installed(50);
    await making;
    expect(bench.work.newestIndex).toBe(50);
    expect(bench.wal.snapshot).toMatchObject({ index: 50 });
    expect(bench.store.find(50, 2)).toBeDefined();
    expect(bench.failures).toEqual([]);
  });

  it("makes none before the node has applied what it had applied before it was started", async () => {
    const bench = await Bench.open();
    bench.applied = { index: 14, term: 1 };
    bench.work.want();
    bench.work.consider();
    for (let turn = 0; turn < 20; turn++) await reactions();
    expect(bench.store.files).toEqual([]);
    bench.applied = { index: 15, term: 1 };
    bench.work.consider();
    for (let turn = 0; turn < 20; turn++) await reactions();
    expect(bench.store.files.map(({ index }) => index)).toEqual([15]);
  });

  it("takes in one at a time, deletes what the core has no use for, and stores nothing that is old", async () => {
    const bench = await Bench.open();
    await bench.receive(50);
    await expect(bench.receive(60)).rejects.toMatchObject({ code: "busy" });
    bench.work.dropUnused((index) => index === 50);
    await expect(bench.receive(60)).rejects.toMatchObject({ code: "busy" });
    bench.work.dropUnused(() => false);
    await bench.receive(20);
    expect(bench.store.files).toEqual([]);
    expect(bench.received.map(({ snapshot }) => snapshot?.metadata.index)).toEqual([50, 20]);
    await expect(bench.work.prepare(50, 2)).rejects.toMatchObject({ code: "damaged" });
  });

  it("has the log keep room for the next one, also after one that came in", async () => {
    const bench = await Bench.open();
    await bench.receive(50);
    await bench.work.prepare(50, 2);
    await bench.wal.append({ snapshot: { index: 50, term: 2, installed: true } });
    await bench.work.installed(50);
    for (let turn = 0; turn < 20; turn++) await reactions();
    expect(bench.wal.figures().snapshotRoomBytes).toBeGreaterThan(bench.work.open().bytes);
  });
});
