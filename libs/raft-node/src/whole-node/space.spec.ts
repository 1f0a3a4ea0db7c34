import { describe, expect, it } from "@jest/globals";

import { wordEntry } from "../test-support/list-machine.ts";
import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

const LONG = "x".repeat(4_000);

/** Fills a machine's disk, so that nothing more can be reserved. */
function fill(machine: TestMachine): void {
  machine.volume.capacityBytes = machine.volume.usedBytes;
}

describe("a disk without space", () => {
  it("makes a leader hand leadership to a member that has some, and recovers by itself", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("before");
    const leader = await cluster.leader();
    await cluster.followers();
    fill(leader);
    const writes = Array.from({ length: 40 }, (_, at) =>
      leader.running.propose(wordEntry(`${at} ${LONG}`)).then(
        () => "applied",
        (error: { code: string }) => error.code,
      ),
    );
    await cluster.time.until("it has no space", () => !leader.running.status().hasSpace);
    await cluster.time.until("another leads", () => leader.running.status().leader !== leader.id);
    const next = await cluster.leader();
    expect(next.id).not.toBe(leader.id);
    const outcomes = await cluster.time.settle(Promise.all(writes));
    for (const outcome of outcomes)
      expect(["applied", "no-space", "not-leader", "outcome-unknown"]).toContain(outcome);
    await cluster.write("after");
    leader.volume.capacityBytes = Number.POSITIVE_INFINITY;
    await cluster.time.until("there is space again", () => leader.running.status().hasSpace);
    const words = await cluster.agreement();
    expect(words[0]).toBe("before");
    expect(words.at(-1)).toBe("after");
    expect(leader.failure).toBeUndefined();
  });

  it("makes a leader hand over before anything is refused that it took", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    await cluster.followers();
    await cluster.write("before");
    fill(leader);
    let written = 0;
    while (leader.running.status().hasSpace) {
      await cluster.time.settle(leader.running.propose(wordEntry(`${written++} ${LONG}`)));
      await cluster.time.pass(5);
    }
    await cluster.time.until("another leads", () => leader.running.status().leader !== leader.id, 300);
    expect((await cluster.leader()).id).not.toBe(leader.id);
    expect(leader.kinds()).not.toContain("stepped-down");
    expect(await cluster.agreement()).toHaveLength(written + 1);
  });

  it("makes a follower drop entries, not its vote nor its reads, and take them later", async () => {
    const cluster = await TestCluster.form(3);
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    fill(follower);
    for (let at = 0; at < 30; at++) await cluster.write(`${at} ${LONG}`);
    expect(follower.running.status().hasSpace).toBe(false);
    expect(follower.running.status().lastIndex).toBeLessThan(
      (await cluster.leader()).running.status().lastIndex,
    );
    expect(follower.machine.words[0]).toMatch(/^0 /);
    follower.volume.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await cluster.agreement()).toHaveLength(30);
  });

  it("makes a node alone refuse writes, and serve reads meanwhile", async () => {
    const cluster = await TestCluster.form(1);
    const machine = await cluster.leader();
    await cluster.write("before");
    fill(machine);
    let refusal: { code?: string } = {};
    for (let at = 0; at < 60 && refusal.code === undefined; at++) {
      const write = machine.running
        .propose(wordEntry(`${at} ${LONG}`))
        .catch((error: { code: string }) => error);
      const found = await cluster.time.settle(write);
      if ("code" in found) refusal = found;
    }
    expect(["no-space", "outcome-unknown"]).toContain(refusal.code);
    await expect(machine.running.propose(wordEntry("more"))).rejects.toMatchObject({ code: "no-space" });
    expect(await cluster.time.settle(machine.running.confirmRead())).toBe(machine.running.status().applied);
    machine.volume.capacityBytes = Number.POSITIVE_INFINITY;
    await cluster.time.until("there is space again", () => machine.running.status().hasSpace);
    await cluster.write("again");
    expect(machine.machine.words.at(-1)).toBe("again");
    expect(new Set(machine.machine.words).size).toBe(machine.machine.words.length);
  });

  it("keeps a node from asking to lead what it could not store", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    const [full] = (await cluster.followers()) as readonly [TestMachine];
    fill(full);
    for (let at = 0; at < 30; at++) await cluster.write(`${at} ${LONG}`);
    expect(full.running.status().hasSpace).toBe(false);
    const { term } = full.running.status();
    cluster.network.isolate(full.id);
    const before = cluster.network.sent.length;
    await cluster.time.pass(5_000);
    const asked = cluster.network.sent
      .slice(before)
      .filter(({ from, message }) => from === full.id && message.type.endsWith("Vote"));
    expect(asked.map(({ message }) => message.type)).toEqual([]);
    expect(full.running.status().term).toBe(term);
    // It votes for others all the same.
    cluster.network.heal();
    leader.crash();
    const next = await cluster.leader();
    expect(next.id).not.toBe(full.id);
  });

  /** A node alone with a state of 600 KB, two snapshots and a short log, whose disk has so much room besides. */
  async function almostFull(
    freeBytes: number,
    saidShare = 1,
  ): Promise<{ readonly cluster: TestCluster; readonly machine: TestMachine }> {
    const cluster = await TestCluster.form(1, { config: { snapshotEntries: 20, trailingEntries: 3 } });
    const [machine] = cluster.machines as readonly [TestMachine];
    machine.machine.saidShare = saidShare;
    await cluster.writeMany(100, "large ".repeat(1_000));
    for (let kept = 0; kept < 2; kept++) {
      await cluster.write("");
      await cluster.time.settle(machine.running.takeSnapshot());
    }
    await cluster.time.pass(1_000);
    machine.volume.capacityBytes = machine.volume.usedBytes + freeBytes;
    return { cluster, machine };
  }

  it("keeps a quarter more room than the state takes, however little there was at first", async () => {
    const cluster = await TestCluster.form(1, { config: { snapshotEntries: 1_000 } });
    const [machine] = cluster.machines as readonly [TestMachine];
    for (let at = 0; at < 100; at++) await cluster.write(LONG);
    await cluster.time.pass(1_000);
    const room = machine.volume.files("wal").get("snapshot.room")?.length ?? 0;
    const { approximateBytes } = machine.machine;
    expect(room).toBeGreaterThan(approximateBytes);
    expect(room).toBeLessThan(approximateBytes * 1.3);
  });

  it.each([
    { state: "a state", saidShare: 1 },
    { state: "a state that says too little of its size", saidShare: 0.3 },
  ])("has room for a snapshot of $state that has grown since the last one", async ({ saidShare }) => {
    const { cluster, machine } = await almostFull(384 * 1024, saidShare);
    const { running } = machine;
    const before = running.status().snapshotIndex;
    for (let at = 0; at < 310 && running.status().hasSpace; at++) {
      const proposal = running.propose(wordEntry(`${at} ${"x".repeat(1_000)}`));
      await cluster.time.settle(proposal.catch(() => undefined));
    }
    await cluster.time.pass(30_000);
    expect(machine.kinds()).not.toContain("snapshot-failed");
    expect(running.status().snapshotIndex).toBeGreaterThan(before);
  });

  it("has a snapshot made before it is due when that wins space back", async () => {
    const { cluster, machine } = await almostFull(320 * 1024);
    const { running } = machine;
    const { words, indexes } = machine.machine;
    const before = running.status().snapshotIndex;
    for (let at = 0; at < 400 && running.status().hasSpace; at++) {
      const proposal = running.propose(wordEntry(`${at} ${"x".repeat(1_000)}`));
      await cluster.time.settle(proposal.catch(() => undefined));
      // Something is written over: the state is as large as it was.
      words.length = 102;
      indexes.length = 102;
    }
    expect(running.status().hasSpace).toBe(false);
    expect(running.status().applied - before).toBeLessThan(290);
    await cluster.time.until("there is space again", () => running.status().hasSpace);
    expect(running.status().snapshotIndex).toBeGreaterThan(before);
    await cluster.write("after");
  });
});
