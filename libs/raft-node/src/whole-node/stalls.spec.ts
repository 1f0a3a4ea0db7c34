import { describe, expect, it } from "@jest/globals";

import { wordEntry } from "../test-support/list-machine.ts";
import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

const STALL_MS = 3_000;

async function formed(): Promise<{ cluster: TestCluster; leader: TestMachine; follower: TestMachine }> {
  const cluster = await TestCluster.form(3);
  await cluster.writeMany(5);
  const [follower] = await cluster.followers();
  return { cluster, leader: await cluster.leader(), follower: follower as TestMachine };
}

describe("a stall of three seconds", () => {
  it("of the leader's event loop: it steps down before it answers or takes anything", async () => {
    const { cluster, leader } = await formed();
    leader.process.stall(STALL_MS);
    const read = leader.running.confirmRead();
    const write = leader.running.propose(wordEntry("taken by nobody"));
    const stopped = write.then(
      () => "applied",
      (error: { code: string }) => error.code,
    );
    await cluster.time.pass(STALL_MS + 5);
    expect(leader.events).toContainEqual(
      expect.objectContaining({ kind: "stepped-down", reason: "loop-stalled" }),
    );
    expect(await cluster.time.settle(stopped)).toBe("not-leader");
    expect((await cluster.leader()).id).not.toBe(leader.id);
    // The read is answered, by what the new leader says.
    const index = await cluster.time.settle(read);
    expect(index).toBeGreaterThan(1);
    expect(await cluster.agreement()).toHaveLength(5);
  });

  it("of the leader's event loop: what it is asked to hand over meanwhile it has no more, and it says nothing as a leader", async () => {
    const { cluster, leader, follower } = await formed();
    const { term } = leader.running.status();
    // The next leader lags: to hand over to it, the leader would have to send it something first.
    cluster.network.loses = ({ to, message }) => to === follower.id && message.type === "MsgApp";
    await cluster.writeMany(2, "not seen by all");
    leader.process.stall(STALL_MS);
    const transfer = leader.running
      .transferLeadership(follower.id)
      .catch((error: { code: string }) => error.code);
    const before = cluster.network.sent.length;
    await cluster.time.pass(STALL_MS + 5);
    expect(await cluster.time.settle(transfer)).toBe("not-leader");
    const said = cluster.network.sent
      .slice(before)
      .filter(
        ({ from, message }) => from === leader.id && message.type === "MsgApp" && message.term === term,
      );
    expect(said).toEqual([]);
  });

  it("of a follower's event loop: it takes in what came before it counts time, and calls no election", async () => {
    const { cluster, leader, follower } = await formed();
    const { term } = leader.running.status();
    follower.process.stall(STALL_MS);
    await cluster.writeMany(5, "meanwhile");
    await cluster.time.pass(STALL_MS + 2_000);
    expect((await cluster.leader()).id).toBe(leader.id);
    expect(leader.running.status().term).toBe(term);
    expect(await cluster.agreement()).toHaveLength(10);
  });

  it("of the leader's disk: it steps down, and another takes over", async () => {
    const { cluster, leader } = await formed();
    leader.volume.stalledUntilMs = cluster.time.nowMs + STALL_MS;
    const write = leader.running.propose(wordEntry("in between")).catch((error: unknown) => error);
    await cluster.time.until("it steps down", () => leader.kinds().includes("stepped-down"), 1_000);
    expect(leader.events).toContainEqual(
      expect.objectContaining({ kind: "stepped-down", reason: "disk-stalled" }),
    );
    await cluster.time.until("another leads", () =>
      cluster.machines.some((other) => other !== leader && other.running.status().role === "leader"),
    );
    expect(cluster.time.nowMs).toBeLessThan(leader.volume.stalledUntilMs);
    await cluster.write("after");
    await cluster.time.settle(write);
    const words = await cluster.agreement();
    expect(words.slice(0, 5)).toEqual(["word 0", "word 1", "word 2", "word 3", "word 4"]);
    expect(words.at(-1)).toBe("after");
  });

  it("of a follower's disk: the others go on, and it calls no election with a disk that stores no vote", async () => {
    const { cluster, leader, follower } = await formed();
    follower.volume.stalledUntilMs = cluster.time.nowMs + STALL_MS;
    await cluster.writeMany(5, "meanwhile");
    // Its heartbeats are lost: it would call an election, if it could.
    cluster.network.loses = ({ to, message }) => to === follower.id && message.type === "MsgHeartbeat";
    await cluster.time.pass(STALL_MS - 500);
    cluster.network.loses = undefined;
    const asked = cluster.network.sent.filter(
      ({ from, message }) => from === follower.id && message.type === "MsgPreVote",
    );
    expect(asked).toEqual([]);
    await cluster.time.pass(2_000);
    expect((await cluster.leader()).id).toBe(leader.id);
    expect(await cluster.agreement()).toHaveLength(10);
  });

  it("of a node alone: nobody can have taken its place, so it goes on", async () => {
    const cluster = await TestCluster.form(1);
    const [machine] = cluster.machines as readonly [TestMachine];
    await cluster.write("one");
    machine.process.stall(STALL_MS);
    machine.volume.stalledUntilMs = cluster.time.nowMs + 2 * STALL_MS;
    const write = machine.running.propose(wordEntry("two"));
    await cluster.time.settle(write);
    expect(machine.running.status().role).toBe("leader");
    expect(machine.kinds()).not.toContain("stepped-down");
  });
});
