import { describe, expect, it } from "@jest/globals";

import { diskError } from "../test-support/memory-volume.ts";
import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

const EARLY = { snapshotEntries: 20, trailingEntries: 3 };

describe("snapshots", () => {
  it("are made by themselves, and the log before them is let go", async () => {
    const cluster = await TestCluster.form(1, { config: EARLY });
    for (let at = 0; at < 50; at++) await cluster.write(`word ${at}`);
    const [machine] = cluster.machines as readonly [TestMachine];
    const { snapshotIndex, firstIndex, lastIndex } = machine.running.status();
    expect(snapshotIndex).toBeGreaterThan(20);
    expect(firstIndex).toBe(snapshotIndex - 2);
    expect(lastIndex).toBeGreaterThan(snapshotIndex);
    expect([...machine.volume.files("snapshots").keys()]).toHaveLength(2);
  });

  it("of a large state wait for more of the log, so that what they cost does not grow with it for each entry", async () => {
    const cluster = await TestCluster.form(1, { config: { ...EARLY, snapshotBytes: 50_000 } });
    const [machine] = cluster.machines as readonly [TestMachine];
    const large = "large ".repeat(1_000);
    await cluster.writeMany(40, large);
    const take = async (): Promise<{ readonly index: number; readonly bytes: number }> => {
      await cluster.time.settle(machine.running.takeSnapshot());
      const written = machine.events.findLast((event) => event.kind === "snapshot-written");
      return written?.kind === "snapshot-written" ? written : { index: 0, bytes: 0 };
    };
    const isMadeAfter = async (index: number): Promise<void> =>
      cluster.time.until("a snapshot is made", () => machine.running.status().snapshotIndex > index);

    const first = await take();
    expect(first.bytes).toBeGreaterThan(240_000);
    for (let left = Math.ceil(first.bytes / 2_048); left > 1; left--) await cluster.write("");
    expect(machine.running.status().snapshotIndex).toBe(first.index);
    await cluster.write("");
    await isMadeAfter(first.index);

    const second = await take();
    for (let left = Math.floor(second.bytes / 2 / large.length) - 1; left > 0; left--)
      await cluster.write(large);
    expect(machine.running.status().snapshotIndex).toBe(second.index);
    for (let more = 0; more < 2; more++) await cluster.write(large);
    await isMadeAfter(second.index);
  });

  it("and the log behind them are what a node starts from: each entry is applied once", async () => {
    const cluster = await TestCluster.form(1, { config: EARLY });
    const [machine] = cluster.machines as readonly [TestMachine];
    for (let round = 0; round < 6; round++) {
      for (let at = 0; at < 13; at++) await cluster.write(`${round}.${at}`);
      machine.crash(round % 2 === 0 ? "lost" : "kept");
      await machine.start();
    }
    await cluster.write("last");
    expect(machine.machine.words).toEqual([
      ...Array.from({ length: 78 }, (_, at) => `${Math.floor(at / 13)}.${at % 13}`),
      "last",
    ]);
  });

  it("whose file is not durable yet are in no log: the node starts whatever step of making one the power goes at", async () => {
    for (let step = 0; step < 14; step++) {
      const cluster = await TestCluster.form(1);
      const [machine] = cluster.machines as readonly [TestMachine];
      await cluster.writeMany(10, "long ".repeat(1_000));
      for (let at = 0; at < 30; at++) await cluster.write("long ".repeat(1_000));
      let left = step;
      let isDown = false;
      machine.volume.fault = () => {
        isDown ||= left-- <= 0;
        if (isDown) throw diskError("EIO");
      };
      await cluster.time.settle(machine.running.takeSnapshot().catch(() => 0));
      machine.crash("lost");
      await machine.start();
      await cluster.write("after");
      expect(machine.machine.words).toHaveLength(41);
    }
  });

  it("bring a follower up that lags behind the log, while writes go on", async () => {
    const cluster = await TestCluster.form(3, { config: EARLY });
    const [lagging] = (await cluster.followers()) as readonly [TestMachine];
    lagging.crash();
    await cluster.writeMany(60);
    await cluster.time.pass(500);
    await lagging.start();
    for (let at = 0; at < 10; at++) await cluster.write(`meanwhile ${at}`);
    expect(await cluster.agreement()).toHaveLength(70);
    expect(lagging.kinds()).toContain("snapshot-installed");
    expect(lagging.running.status().firstIndex).toBeGreaterThan(20);
    // And it starts again from what was installed.
    lagging.crash();
    await cluster.write("after");
    await lagging.start();
    expect(await cluster.agreement()).toHaveLength(71);
  });

  it("go on being made after one was refused a place in the log for want of space", async () => {
    const cluster = await TestCluster.form(3, { config: EARLY });
    const [lagging] = (await cluster.followers()) as readonly [TestMachine];
    lagging.crash();
    await cluster.writeMany(60);
    await lagging.start();
    // The mark that makes the snapshot count is refused, once.
    let refusals = 0;
    const { volume } = lagging;
    volume.fault = ({ folder, kind }) => {
      if (folder !== "snapshots" || kind !== "rename" || refusals > 0) return;
      refusals++;
      volume.capacityBytes = volume.usedBytes;
    };
    await cluster.time.until("the snapshot came", () => refusals === 1);
    await cluster.time.pass(1_000);
    volume.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await cluster.agreement()).toHaveLength(60);
    const before = lagging.running.status().snapshotIndex;
    await cluster.writeMany(60, "more");
    expect(await cluster.agreement()).toHaveLength(120);
    await cluster.time.until("it makes its own", () => lagging.running.status().snapshotIndex > before + 20);
  });

  it("for which there is no space are refused to whoever asks for one, and made once there is", async () => {
    const cluster = await TestCluster.form(1);
    await cluster.write("one");
    const [machine] = cluster.machines as readonly [TestMachine];
    machine.volume.fault = ({ folder, kind }) => {
      if (folder === "snapshots" && kind === "write") throw diskError("ENOSPC");
    };
    await expect(cluster.time.settle(machine.running.openSnapshot())).rejects.toMatchObject({
      code: "no-space",
      message: expect.stringContaining("no space for a snapshot; free space, then try again"),
    });
    await cluster.write("two");
    machine.volume.fault = undefined;
    expect((await cluster.time.settle(machine.running.openSnapshot())).header.index).toBe(
      machine.running.status().applied,
    );
  });

  it("whose sender falls silent do not keep others out", async () => {
    const cluster = await TestCluster.form(3, { config: EARLY });
    const [lagging, other] = (await cluster.followers()) as readonly [TestMachine, TestMachine];
    lagging.crash();
    await cluster.writeMany(60, "x".repeat(200));
    const leader = await cluster.leader();
    await lagging.start();
    let isBegun = false;
    lagging.volume.fault = ({ folder }) => {
      isBegun ||= folder === "snapshots";
    };
    await cluster.time.until("it has begun to come", () => isBegun);
    leader.crash();
    expect(lagging.kinds()).not.toContain("snapshot-installed");
    await cluster.time.until("another leads", () => other.running.status().role === "leader");
    await cluster.time.until(
      "another's is installed",
      () => lagging.kinds().includes("snapshot-installed"),
      30_000,
    );
    expect(await cluster.agreement()).toHaveLength(60);
  });

  it("can be read by who backs the node up, also when newer ones have come", async () => {
    const cluster = await TestCluster.form(1, { config: EARLY });
    await cluster.writeMany(10);
    const [machine] = cluster.machines as readonly [TestMachine];
    const open = await cluster.time.settle(machine.running.openSnapshot());
    const reading = open.pieces()[Symbol.asyncIterator]();
    const first = await cluster.time.settle(reading.next());
    for (let at = 0; at < 70; at++) await cluster.write(`later ${at}`);
    const rest: Uint8Array[] = [first.value as Uint8Array];
    for (;;) {
      const next = await cluster.time.settle(reading.next());
      if (next.done === true) break;
      rest.push(next.value);
    }
    expect(Buffer.concat(rest)).toHaveLength(open.bytes);
    expect(open.header.members).toHaveLength(1);
    const names = [...machine.volume.files("snapshots").keys()];
    expect(names).toHaveLength(2);
  });

  it("of a state machine that fails stop the node, and say why", async () => {
    const cluster = await TestCluster.form(1);
    await cluster.write("one");
    const [machine] = cluster.machines as readonly [TestMachine];
    machine.volume.fault = ({ folder, kind }) => {
      if (folder === "snapshots" && kind === "sync")
        throw Object.assign(new Error("EIO: bad"), { code: "EIO" });
    };
    await expect(cluster.time.settle(machine.running.takeSnapshot())).rejects.toMatchObject({ code: "EIO" });
    expect(
      [...machine.volume.files("snapshots").keys()].filter((name) => name.includes("unfinished")),
    ).toEqual([]);
    machine.volume.fault = undefined;
    expect(await cluster.time.settle(machine.running.takeSnapshot())).toBe(machine.running.status().applied);
  });
});
