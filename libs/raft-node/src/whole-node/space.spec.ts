import { describe, expect, it } from "@jest/globals";

import type { RaftNodeOptions } from "../options.ts";
import { wordEntry } from "../test-support/list-machine.ts";
import { diskError } from "../test-support/memory-volume.ts";
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
  async function almostFull({
    freeBytes = Number.POSITIVE_INFINITY,
    saidShare = 1,
    ...config
  }: Partial<RaftNodeOptions & { readonly freeBytes: number; readonly saidShare: number }>): Promise<{
    readonly cluster: TestCluster;
    readonly machine: TestMachine;
  }> {
    const cluster = await TestCluster.form(1, {
      config: { snapshotEntries: 20, trailingEntries: 3, ...config },
    });
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

  /** Writes so many entries of a kilobyte, one after the other, or until there is no space; `pause` goes on then after a while. */
  async function write(
    { cluster, machine }: { readonly cluster: TestCluster; readonly machine: TestMachine },
    count: number,
    { prefix = "", pauseMs }: { readonly prefix?: string; readonly pauseMs?: number } = {},
  ): Promise<void> {
    for (let at = 0; at < count; at++) {
      const proposal = machine.running.propose(wordEntry(`${prefix}${at} ${"x".repeat(1_000)}`));
      await cluster.time.settle(proposal.catch(() => undefined));
      if (machine.running.status().hasSpace) continue;
      if (pauseMs === undefined) return;
      await cluster.time.pass(pauseMs);
    }
  }

  const roomOf = ({ volume }: TestMachine): number => volume.files("wal").get("snapshot.room")?.length ?? 0;
  const bytesOf = ({ machine }: TestMachine): number => machine.approximateBytes / machine.saidShare;

  it("has a quarter more room for a snapshot than the state takes, however little there was at first", async () => {
    const cluster = await TestCluster.form(1, { config: { snapshotEntries: 1_000 } });
    const [machine] = cluster.machines as readonly [TestMachine];
    for (let at = 0; at < 100; at++) await cluster.write(LONG);
    await cluster.time.pass(1_000);
    expect(roomOf(machine)).toBeGreaterThan(bytesOf(machine));
    expect(roomOf(machine)).toBeLessThan(bytesOf(machine) * 1.3);
  });

  it.each([
    { state: "that has grown since the last one", saidShare: 1 },
    { state: "that has grown and says too little of its size", saidShare: 0.3 },
  ])("has room for a snapshot of a state $state", async ({ saidShare }) => {
    const full = await almostFull({ freeBytes: 384 * 1024, saidShare });
    const { cluster, machine } = full;
    const before = machine.running.status().snapshotIndex;
    await write(full, 310);
    await cluster.time.pass(30_000);
    expect(machine.kinds()).not.toContain("snapshot-failed");
    expect(machine.running.status().snapshotIndex).toBeGreaterThan(before);
  });

  it("has room for a snapshot of a state that has grown while the last one was made", async () => {
    const full = await almostFull({ snapshotEntries: 200 });
    const { cluster, machine } = full;
    const held = Promise.withResolvers<void>();
    const capture = machine.machine.capture.bind(machine.machine);
    machine.machine.capture = () => {
      const taken = capture();
      return {
        async *chunks() {
          await held.promise;
          yield* taken.chunks();
        },
      };
    };
    await cluster.write("");
    const taken = machine.running.takeSnapshot();
    await write(full, 190, { prefix: "twice ".repeat(200) });
    held.resolve();
    await cluster.time.settle(taken);
    await cluster.time.pass(3_000);
    expect(roomOf(machine)).toBeGreaterThan(bytesOf(machine));
    expect(roomOf(machine)).toBeLessThan(bytesOf(machine) * 1.3);
  });

  it("has no more room when a state says too much of its size", async () => {
    const full = await almostFull({ snapshotEntries: 200, saidShare: 3 });
    for (let look = 0; look < 8; look++) {
      await write(full, 70, { prefix: "keep 101 " });
      await full.cluster.time.pass(1_000);
      expect(roomOf(full.machine)).toBeGreaterThan(bytesOf(full.machine));
      expect(roomOf(full.machine)).toBeLessThan(bytesOf(full.machine) * 1.4);
    }
  });

  it.each([
    { what: "the log", config: {}, prefix: "keep 101 ", freeBytes: 320 * 1024 },
    {
      what: "what a larger state had",
      config: { snapshotEntries: 1_000, trailingEntries: 400 },
      prefix: "keep 1 ",
      freeBytes: 100 * 1024,
    },
  ])(
    "has a snapshot made before it is due when $what makes room then",
    async ({ config, prefix, freeBytes }) => {
      const full = await almostFull({ ...config, freeBytes });
      const { cluster, machine } = full;
      const before = machine.running.status().snapshotIndex;
      await write(full, 290, { prefix });
      expect(machine.running.status().hasSpace).toBe(false);
      await cluster.time.until("there is space again", () => machine.running.status().hasSpace);
      expect(machine.running.status().snapshotIndex).toBeGreaterThan(before);
      await cluster.write("after");
    },
  );

  it("is won back from a snapshot whose maker crashed before it let go of the oldest", async () => {
    const full = await almostFull({ freeBytes: 320 * 1024 });
    const { cluster, machine } = full;
    let isBegun = false;
    machine.volume.fault = ({ folder, kind }) => {
      isBegun ||= folder === "snapshots" && kind === "rename";
      if (isBegun && folder === "snapshots" && kind === "unlink") throw diskError("EIO");
    };
    await cluster.write("");
    await cluster.time.settle(machine.running.takeSnapshot().catch(() => 0));
    machine.crash("kept");
    machine.volume.fault = undefined;
    expect(machine.volume.files("snapshots").size).toBe(3);
    await machine.start();
    await cluster.leader();
    expect(machine.volume.files("snapshots").size).toBe(2);
    await write(full, 300, { prefix: "keep 101 ", pauseMs: 100 });
    await cluster.time.until("there is space", () => machine.running.status().hasSpace);
    await cluster.write("after");
  });
});
