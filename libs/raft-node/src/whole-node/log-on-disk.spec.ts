import { describe, expect, it } from "@jest/globals";
import type { NodeId } from "@trellis/raft";

import { loadNode } from "../load-node.ts";
import { diskError, type MemoryVolume } from "../test-support/memory-volume.ts";
import { seededRandom } from "../test-support/seeded-random.ts";
import { SMALL, TestCluster, type TestMachine } from "../test-support/test-cluster.ts";
import { VirtualProcess } from "../test-support/virtual-time.ts";

const MEMORY_BYTES = 4_000;
const LONG = "x".repeat(100);
/** Several times what is in memory. */
const WORDS = 200;

/** Three nodes, of which one was down while much was written. */
async function withOneBehind(config = {}) {
  const cluster = await TestCluster.form(3, { config: { logMemoryBytes: MEMORY_BYTES, ...config } });
  await cluster.write("first");
  const [behind, other] = (await cluster.followers()) as readonly [TestMachine, TestMachine];
  const leader = await cluster.leader();
  behind.crash();
  await cluster.writeMany(WORDS, LONG);
  return { cluster, leader, behind, other };
}

/** Holds reads of the log back until they are let go. */
function holdReads(volume: MemoryVolume): { readonly count: number; release(): void } {
  const waiting: (() => void)[] = [];
  let isHeld = true;
  volume.onRead = async ({ folder }) => {
    if (folder === "wal" && isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    get count() {
      return waiting.length;
    },
    release() {
      isHeld = false;
      for (const go of waiting) go();
    },
  };
}

/** Where appends to a member began and ended. */
function appendsTo(cluster: TestCluster, to: NodeId): readonly (readonly [number, number])[] {
  return cluster.network.sent.flatMap(({ to: target, message: { type, entries } }) => {
    const [first, last] = [entries[0], entries.at(-1)];
    return target === to && type === "MsgApp" && first !== undefined && last !== undefined
      ? [[first.index, last.index] as const]
      : [];
  });
}

describe("a log of which the end alone is in memory", () => {
  it("is read from disk, piece by piece, for a member that is far behind, and arrives in order", async () => {
    const { cluster, leader: former, other: leader, behind } = await withOneBehind();
    // One that has not read anything for it yet.
    await cluster.time.settle(former.running.transferLeadership(leader.id));
    let reads = 0;
    leader.volume.onRead = async ({ folder }) => {
      if (folder === "wal") reads++;
    };
    cluster.network.sent.length = 0;
    await behind.start();
    await cluster.time.until("the log is read", () => reads > 0);
    const beganMs = cluster.time.nowMs;
    const { lastIndex } = leader.running.status();
    await cluster.time.until("it has all", () => behind.running.status().lastIndex === lastIndex);
    // One piece follows the other, and none waits for the next heartbeat.
    expect(cluster.time.nowMs - beganMs).toBeLessThan(80);
    expect(await cluster.agreement()).toHaveLength(1 + WORDS);
    expect(behind.kinds()).not.toContain("snapshot-installed");
    expect(reads).toBeGreaterThan(5);
    expect(reads).toBeLessThan(WORDS / 3);
    const appends = appendsTo(cluster, behind.id);
    const lowest = Math.min(...appends.map(([first]) => first));
    // Before it only what was refused; from there on without a gap, but for what a probe repeats.
    const taken = appends.slice(appends.findIndex(([first]) => first === lowest));
    expect(taken.length).toBeGreaterThan(5);
    let end = lowest - 1;
    for (const [first, last] of taken) {
      expect(first).toBeLessThanOrEqual(end + 1);
      end = Math.max(end, last);
    }
    expect(end).toBe(lastIndex);
  });

  it("is read once for two members that are behind at the same place", async () => {
    const readsFor = async (count: number): Promise<number> => {
      const cluster = await TestCluster.form(5, { config: { logMemoryBytes: MEMORY_BYTES } });
      await cluster.write("first");
      const leader = await cluster.leader();
      const behind = (await cluster.followers()).slice(0, count);
      for (const machine of behind) machine.crash();
      await cluster.writeMany(WORDS, LONG);
      let reads = 0;
      leader.volume.onRead = async ({ folder }) => {
        if (folder === "wal") reads++;
      };
      await Promise.all(behind.map((machine) => machine.start()));
      expect(await cluster.agreement()).toHaveLength(1 + WORDS);
      expect(behind.flatMap((machine) => machine.kinds())).not.toContain("snapshot-installed");
      return reads;
    };
    const forOne = await readsFor(1);
    expect(forOne).toBeGreaterThan(10);
    expect(await readsFor(2)).toBeLessThan(1.3 * forOne);
  });

  it("is not read for anybody while nobody is behind", async () => {
    const cluster = await TestCluster.form(3, { config: { logMemoryBytes: MEMORY_BYTES } });
    let reads = 0;
    for (const { volume } of cluster.machines) {
      volume.onRead = async () => {
        reads++;
      };
    }
    for (let at = 0; at < 50; at++) await cluster.write(`${LONG} ${at}`);
    expect(await cluster.agreement()).toHaveLength(50);
    expect(reads).toBe(0);
  });

  it("is applied by a node that starts, each entry once, and no more of it is in memory then", async () => {
    const cluster = await TestCluster.form(1, { config: { logMemoryBytes: MEMORY_BYTES } });
    const [machine] = cluster.machines as readonly [TestMachine];
    await cluster.writeMany(WORDS, LONG);
    const { words } = machine.machine;
    machine.crash();
    const loading = loadNode(
      {
        clock: new VirtualProcess(cluster.time),
        random: seededRandom(3),
        data: machine.volume.afterPowerLoss().data(),
      },
      {
        walLimits: SMALL.wal,
        logMemoryBytes: MEMORY_BYTES,
        onWalState: () => undefined,
        onSnapshotWanted: () => undefined,
      },
    );
    const { window } = await cluster.time.settle(loading);
    expect(window.lastIndex()).toBeGreaterThan(WORDS);
    expect(window.bytes).toBeLessThanOrEqual(MEMORY_BYTES);
    await machine.start();
    await cluster.write("after");
    expect(machine.machine.words).toEqual([...words, "after"]);
  });

  it("whose segments a snapshot takes away while they are read: the member gets the snapshot", async () => {
    const { cluster, leader, behind } = await withOneBehind();
    const held = holdReads(leader.volume);
    await behind.start();
    await cluster.time.until("it is read", () => held.count > 0);
    await cluster.time.settle(leader.running.takeSnapshot());
    expect(leader.running.status().firstIndex).toBeGreaterThan(WORDS / 2);
    expect(behind.kinds()).not.toContain("snapshot-installed");
    held.release();
    expect(await cluster.agreement()).toHaveLength(1 + WORDS);
    expect(behind.kinds()).toContain("snapshot-installed");
  });

  it("of which another leader replaces what is being read: nobody gets what was replaced", async () => {
    const cluster = await TestCluster.form(3, { config: { logMemoryBytes: MEMORY_BYTES } });
    await cluster.write("first");
    const former = await cluster.leader();
    const [one] = (await cluster.followers()) as readonly [TestMachine];
    // Nobody else gets what it writes; then they do again, and it begins to read what they lack.
    cluster.network.loses = ({ from, message }) => from === former.id && message.type === "MsgApp";
    const lost = cluster.writeMany(WORDS, LONG).catch((error: { code: string }) => error.code);
    await cluster.time.until("it is in its log", () => former.running.status().lastIndex > WORDS);
    const held = holdReads(former.volume);
    cluster.network.loses = undefined;
    await cluster.time.until("it is read", () => held.count > 0);
    cluster.network.isolate(former.id);
    await cluster.time.until("another leads", () =>
      cluster.machines.some((machine) => machine !== former && machine.running.status().role === "leader"),
    );
    cluster.network.heal();
    await cluster.writeMany(WORDS, `other ${LONG}`);
    await cluster.time.until("its log is replaced", () => former.running.status().committed > WORDS);
    expect(await cluster.time.settle(lost)).toBe("not-leader");
    one.crash();
    held.release();
    await cluster.writeMany(WORDS, `more ${LONG}`);
    const leader = await cluster.leader();
    if (leader !== former) await cluster.time.settle(leader.running.transferLeadership(former.id));
    await one.start();
    const words = await cluster.agreement();
    expect(words).toHaveLength(1 + 2 * WORDS);
    expect(one.machine.words).toEqual(words);
    expect(words.some((word) => word.startsWith(LONG))).toBe(false);
  });

  it("that cannot be opened, since the process has too many files open, is read a little later", async () => {
    for (const code of ["EMFILE", "ENFILE"]) {
      const { cluster, leader, behind } = await withOneBehind();
      const failedMs: number[] = [];
      leader.volume.onRead = async ({ folder }) => {
        if (folder !== "wal" || failedMs.length === 3) return;
        failedMs.push(cluster.time.nowMs);
        throw diskError(code);
      };
      await behind.start();
      expect(await cluster.agreement()).toHaveLength(1 + WORDS);
      expect(behind.kinds()).not.toContain("snapshot-installed");
      expect(leader.running.status().role).toBe("leader");
      const [first, second, third] = failedMs as [number, number, number];
      expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(1_000);
    }
  });

  it("is not read later by a node that has stopped meanwhile", async () => {
    const { cluster, leader, behind } = await withOneBehind();
    let reads = 0;
    leader.volume.onRead = async ({ folder }) => {
      if (folder !== "wal") return;
      reads++;
      throw diskError("EMFILE");
    };
    await behind.start();
    await cluster.time.until("it was read", () => reads > 0);
    await cluster.time.settle(leader.running.stop());
    const before = reads;
    await cluster.time.pass(5_000);
    expect(reads).toBe(before);
    expect(await leader.running.stopped).toBeUndefined();
  });

  it("that the disk does not give any more stops the node, which says why; the others go on", async () => {
    const { cluster, leader, behind } = await withOneBehind();
    leader.volume.onRead = async ({ folder }) => {
      if (folder === "wal") throw diskError("EIO");
    };
    const { stopped } = leader.running;
    await behind.start();
    expect(await cluster.time.settle(stopped)).toMatchObject({
      code: "stopped",
      message: expect.stringContaining("EIO"),
    });
    leader.crash();
    await cluster.write("the others go on");
    await leader.start();
    expect(await cluster.agreement()).toHaveLength(2 + WORDS);
  });
});

describe("what of the log is in memory", () => {
  /** All that is written here, of which a few words stay in any case. */
  const config = { logMemoryBytes: 64_000 };
  const FEW = 40;

  /** Counts reads of a machine's log from now on. */
  function readsOf({ volume }: TestMachine): { readonly count: number } {
    const reads = { count: 0 };
    volume.onRead = async ({ folder }) => {
      if (folder === "wal") reads.count++;
    };
    return reads;
  }

  it("is not what a member lacks that is down: it is read for it, once it is back", async () => {
    const cluster = await TestCluster.form(3, { config });
    const [behind] = (await cluster.followers()) as readonly [TestMachine];
    await cluster.writeMany(FEW, LONG);
    behind.crash();
    await cluster.time.pass(1_000);
    for (let at = 0; at < FEW; at++) await cluster.write(`${LONG} ${at}`);
    const reads = readsOf(await cluster.leader());
    await behind.start();
    expect(await cluster.agreement()).toHaveLength(2 * FEW);
    expect(reads.count).toBeGreaterThan(0);
    expect(behind.kinds()).not.toContain("snapshot-installed");
  });

  it("is all that a member lacks which is there: nothing is read to send it again", async () => {
    const cluster = await TestCluster.form(3, { config });
    const [behind] = (await cluster.followers()) as readonly [TestMachine];
    const leader = await cluster.leader();
    const reads = readsOf(leader);
    await cluster.write("first");
    await cluster.agreement();
    // What it says still arrives: it answers heartbeats.
    cluster.network.loses = ({ to, message }) => to === behind.id && message.type === "MsgApp";
    for (let at = 0; at < FEW; at++) {
      await cluster.write(`${LONG} ${at}`);
      await cluster.time.pass(50);
    }
    expect(behind.machine.words).toHaveLength(1);
    cluster.network.loses = undefined;
    expect(await cluster.agreement()).toHaveLength(1 + FEW);
    expect(await cluster.leader()).toBe(leader);
    expect(reads.count).toBe(0);
  });

  it("is what a member lacks whose connection was lost for a moment", async () => {
    const cluster = await TestCluster.form(3, { config });
    const [behind] = (await cluster.followers()) as readonly [TestMachine];
    const leader = await cluster.leader();
    const reads = readsOf(leader);
    await cluster.write("first");
    await cluster.agreement();
    cluster.network.isolate(behind.id);
    for (let at = 0; at < FEW; at++) await cluster.write(`${LONG} ${at}`);
    expect(behind.machine.words).toHaveLength(1);
    cluster.network.heal();
    expect(await cluster.agreement()).toHaveLength(1 + FEW);
    expect(await cluster.leader()).toBe(leader);
    expect(reads.count).toBe(0);
  });

  it("is what was not applied, on members that follow: nothing is read to apply it", async () => {
    const cluster = await TestCluster.form(3, { config: { logMemoryBytes: MEMORY_BYTES * 4 } });
    const followers = (await cluster.followers()).map(readsOf);
    await cluster.writeMany(WORDS / 2, LONG);
    for (let at = 0; at < FEW; at++) await cluster.write(`${LONG} ${at}`);
    expect(await cluster.agreement()).toHaveLength(WORDS / 2 + FEW);
    expect(followers.map(({ count }) => count)).toEqual([0, 0]);
  });

  it("is little on one that begins to lead: it reads what others lack", async () => {
    const cluster = await TestCluster.form(3, { config });
    const [behind, next] = (await cluster.followers()) as readonly [TestMachine, TestMachine];
    behind.crash();
    await cluster.time.pass(1_000);
    for (let at = 0; at < FEW; at++) await cluster.write(`${LONG} ${at}`);
    await cluster.time.settle((await cluster.leader()).running.transferLeadership(next.id));
    const reads = readsOf(next);
    await behind.start();
    expect(await cluster.agreement()).toHaveLength(FEW);
    expect(next.running.status().role).toBe("leader");
    expect(reads.count).toBeGreaterThan(0);
  });
});
