import { describe, expect, it } from "@jest/globals";

import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

describe("membership", () => {
  it("grows by a learner that gets a snapshot, and votes once it is promoted", async () => {
    const cluster = await TestCluster.form(3, { spares: 1, config: { promotionLag: 5 } });
    await cluster.writeMany(30);
    const leader = await cluster.leader();
    const newcomer = cluster.machines[3] as TestMachine;
    const member = await cluster.join(newcomer);
    expect(newcomer.running.status().role).toBe("learner");
    await cluster.time.settle(leader.running.changeMembership({ kind: "add-learner", member }));
    const known = () => leader.running.status().members.find(({ id }) => id === member.id)?.matched ?? 0;
    await cluster.time.until("it has caught up", () => known() === leader.running.status().lastIndex);
    expect(newcomer.machine.words).toHaveLength(30);
    expect(newcomer.running.status()).toMatchObject({ role: "learner", members: { length: 4 } });
    await cluster.time.settle(leader.running.changeMembership({ kind: "promote", id: member.id }));
    await cluster.time.until("it knows", () => newcomer.running.status().role === "follower");
    // With four voters two are no majority: the newcomer's vote counts.
    const [other] = (await cluster.followers()).filter((machine) => machine !== newcomer);
    other?.crash();
    await cluster.write("three of four");
    expect(newcomer.machine.words.length).toBeGreaterThanOrEqual(30);
  });

  it("changes are in force once after a restart, from the log or from a snapshot", async () => {
    const cluster = await TestCluster.form(3, { spares: 1 });
    const leader = await cluster.leader();
    const newcomer = cluster.machines[3] as TestMachine;
    const member = await cluster.join(newcomer);
    await cluster.time.settle(leader.running.changeMembership({ kind: "add-learner", member }));
    await cluster.time.settle(
      leader.running.changeMembership({ kind: "update", member: { ...member, address: "elsewhere:1" } }),
    );
    for (const machine of cluster.machines) machine.crash();
    for (const machine of cluster.machines) await machine.start();
    await cluster.write("one");
    await cluster.agreement();
    for (const { node } of cluster.machines) {
      const members = node?.status().members ?? [];
      expect(members).toHaveLength(4);
      expect(members.find(({ id }) => id === member.id)).toMatchObject({
        voter: false,
        address: "elsewhere:1",
      });
    }
    for (const { running } of cluster.machines) await cluster.time.settle(running.takeSnapshot());
    for (const machine of cluster.machines) machine.crash();
    for (const machine of cluster.machines) await machine.start();
    await cluster.write("two");
    await cluster.agreement();
    for (const { node } of cluster.machines) expect(node?.status().members).toHaveLength(4);
  });

  it("refuses what cannot be right, and a second change while one is under way", async () => {
    const cluster = await TestCluster.form(3, { spares: 1, config: { promotionLag: 5 } });
    await cluster.writeMany(20);
    const leader = await cluster.leader();
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    const { running } = leader;
    const newcomer = { id: 4711, name: "new", address: "new:1" };
    const invalid = { code: "invalid" };
    const add = (member: typeof newcomer) => running.changeMembership({ kind: "add-learner", member });
    await expect(add({ ...newcomer, id: 0 })).rejects.toMatchObject(invalid);
    await expect(add({ ...newcomer, id: follower.id })).rejects.toMatchObject(invalid);
    await expect(add({ ...newcomer, name: "n0" })).rejects.toMatchObject(invalid);
    await expect(add({ ...newcomer, address: "n0:1" })).rejects.toMatchObject(invalid);
    await expect(running.changeMembership({ kind: "promote", id: 4711 })).rejects.toMatchObject(invalid);
    await expect(running.changeMembership({ kind: "promote", id: follower.id })).rejects.toMatchObject(
      invalid,
    );
    const both = Promise.allSettled([
      add(newcomer),
      add({ ...newcomer, id: 4712, name: "b", address: "b:1" }),
    ]);
    const [first, second] = await cluster.time.settle(both);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ status: "rejected", reason: { code: "busy" } });
    // It was never heard of: it lags.
    await expect(running.changeMembership({ kind: "promote", id: 4711 })).rejects.toMatchObject(invalid);
  });

  it("lets a leader be removed: it steps down, and the others go on without it", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(5);
    const leader = await cluster.leader();
    await cluster.time.settle(leader.running.changeMembership({ kind: "remove", id: leader.id }));
    await cluster.time.until("another leads", () =>
      cluster.machines.some((other) => other !== leader && other.node?.status().role === "leader"),
    );
    leader.crash();
    await cluster.write("without it");
    expect(await cluster.agreement()).toHaveLength(6);
  });

  it("leaves the last voter where it is", async () => {
    const cluster = await TestCluster.form(1);
    const leader = await cluster.leader();
    const removed = leader.running.changeMembership({ kind: "remove", id: leader.id });
    await expect(removed).rejects.toMatchObject({ code: "invalid" });
  });

  it("raises the feature level once all members announce it, and a node below it refuses to start", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.leader();
    for (const machine of cluster.machines) {
      machine.crash("process");
      await machine.start({ featureLevel: 2 });
      if (machine !== cluster.machines[2]) expect(machine.running.status().featureLevel).toBe(1);
    }
    await cluster.leader();
    await cluster.time.until("all are at level 2", () =>
      cluster.machines.every(({ node }) => node?.status().featureLevel === 2),
    );
    const old = cluster.machines[0] as TestMachine;
    await cluster.time.settle(old.running.takeSnapshot());
    old.crash();
    await expect(old.start({ featureLevel: 1 })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("stops a node below the feature level that a snapshot brings", async () => {
    const cluster = await TestCluster.form(1, { config: { featureLevel: 2 }, spares: 1 });
    const leader = await cluster.leader();
    await cluster.time.until("it is at level 2", () => leader.running.status().featureLevel === 2);
    await cluster.time.settle(leader.running.takeSnapshot());
    const old = cluster.machines[1] as TestMachine;
    const member = await cluster.join(old);
    await old.stop();
    await old.start({ featureLevel: 1 });
    await cluster.time.settle(leader.running.changeMembership({ kind: "add-learner", member }));
    await cluster.time.until("it is told", () => old.failure !== undefined);
    expect(old.failure).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("feature level 2, this version supports 1; start a newer version"),
    });
    expect(old.machine.words).toEqual([]);
    old.crash();
    await old.start({ featureLevel: 2 });
    await cluster.write("now it follows");
    expect(await cluster.agreement()).toEqual(["now it follows"]);
  });
});

describe("a transfer of leadership", () => {
  it("goes to the member that is named, without an election timeout", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(5);
    const leader = await cluster.leader();
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    const fromMs = cluster.time.nowMs;
    await cluster.time.settle(leader.running.transferLeadership(follower.id));
    expect((await cluster.leader()).id).toBe(follower.id);
    expect(cluster.time.nowMs - fromMs).toBeLessThan(600);
  });

  it("goes to the most advanced one that has space, when a leader stops in good order", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(5);
    const leader = await cluster.leader();
    await cluster.followers();
    const fromMs = cluster.time.nowMs;
    await leader.stop();
    await cluster.leader();
    expect(cluster.time.nowMs - fromMs).toBeLessThan(600);
  });

  it("to one that cannot be reached is given up, and the leader goes on", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(5);
    const leader = await cluster.leader();
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    cluster.network.isolate(follower.id);
    const transfer = leader.running.transferLeadership(follower.id);
    await expect(cluster.time.settle(transfer)).rejects.toMatchObject({ code: "unavailable" });
    await cluster.write("it goes on");
    expect((await cluster.leader()).id).toBe(leader.id);
  });

  it("ends its wait with the caller's signal, also one that is over already", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    cluster.network.isolate(follower.id);
    const transfer = leader.running.transferLeadership(follower.id, { signal: AbortSignal.abort() });
    await expect(transfer).rejects.toMatchObject({ code: "aborted" });
  });
});
