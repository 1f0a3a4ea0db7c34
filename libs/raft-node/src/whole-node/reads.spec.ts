import { describe, expect, it } from "@jest/globals";

import { wordEntry } from "../test-support/list-machine.ts";
import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

describe("confirmed reads", () => {
  it("show everything that was acknowledged before, on leader and followers", async () => {
    const cluster = await TestCluster.form(3);
    const index = await cluster.write("one");
    for (const { running, machine } of cluster.machines) {
      expect(await cluster.time.settle(running.confirmRead())).toBeGreaterThanOrEqual(index);
      expect(machine.words).toEqual(["one"]);
      expect(machine.reachedIndex).toBeGreaterThanOrEqual(index);
    }
  });

  it("need nobody to be asked where one votes alone and leads, and has applied what it committed", async () => {
    const cluster = await TestCluster.form(1);
    const { running, machine } = await cluster.leader();
    await cluster.write("one");
    expect(running.isCurrent()).toBe(true);
    expect(machine.words).toEqual(["one"]);
    await cluster.time.settle(running.stop());
    expect(running.isCurrent()).toBe(false);
  });

  it("need the others wherever there are several", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("one");
    expect(cluster.machines.map(({ running }) => running.isCurrent())).toEqual([false, false, false]);
  });

  it("are refused by a leader that was cut off and replaced", async () => {
    const cluster = await TestCluster.form(3);
    const old = await cluster.leader();
    await cluster.followers();
    cluster.network.isolate(old.id);
    const read = old.running.confirmRead();
    read.catch(() => undefined);
    await cluster.time.until("another leads", () =>
      cluster.machines.some((other) => other !== old && other.running.status().role === "leader"),
    );
    const next = cluster.machines.find((other) => other !== old && other.running.status().role === "leader");
    const written = next?.running.propose(wordEntry("new")) ?? Promise.reject(new Error("nobody leads"));
    await cluster.time.settle(written);
    await expect(cluster.time.settle(read)).rejects.toMatchObject({ code: "unavailable" });
    expect(old.machine.words).toEqual([]);
  });

  it("are not answered by what was said to the process before this one", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("one");
    const leader = await cluster.leader();
    const [reader] = (await cluster.followers()) as readonly [TestMachine];
    // The answer to the first process is late by seconds.
    const late: (() => void)[] = [];
    cluster.network.holds = ({ to, message }, deliver) => {
      if (to !== reader.id || message.type !== "MsgReadIndexResp") return false;
      late.push(deliver);
      return true;
    };
    const abandoned = reader.running.confirmRead();
    abandoned.catch(() => undefined);
    await cluster.time.until("it was answered", () => late.length > 0);
    reader.crash();
    await reader.start();
    await cluster.followers();
    await cluster.time.pass(100);
    // Written, and not yet known to the reader.
    cluster.network.loses = ({ to, message }) =>
      to === reader.id && (message.type === "MsgApp" || message.type === "MsgHeartbeat");
    await cluster.time.settle(leader.running.propose(wordEntry("two")));
    const read = reader.running.confirmRead();
    let seen: readonly string[] | undefined;
    void read.then(() => {
      seen = [...reader.machine.words];
    });
    await cluster.time.pass(5);
    for (const deliver of late.splice(0)) deliver();
    await cluster.time.pass(5);
    expect(seen).toBeUndefined();
    cluster.network.loses = undefined;
    cluster.network.holds = undefined;
    await cluster.time.settle(read);
    expect(seen).toEqual(["one", "two"]);
  });

  it("end with the caller's signal, and with the node", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    for (const { id } of cluster.machines) cluster.network.isolate(id);
    const controller = new AbortController();
    const given = leader.running.confirmRead({ signal: controller.signal });
    const kept = leader.running.confirmRead();
    kept.catch(() => undefined);
    await cluster.time.pass(10);
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: "aborted" });
    const { running } = leader;
    await leader.stop();
    await expect(kept).rejects.toMatchObject({ code: "stopping" });
    await expect(running.confirmRead()).rejects.toMatchObject({ code: "stopping" });
  });
});

describe("proposals", () => {
  it("of a leader that lost its office are unknown until a later leader's log says what became of them", async () => {
    const cluster = await TestCluster.form(3);
    const old = await cluster.leader();
    await cluster.followers();
    cluster.network.isolate(old.id);
    const lost = old.running.propose(wordEntry("lost"));
    lost.catch(() => undefined);
    await cluster.time.until("it steps down", () => old.running.status().role !== "leader");
    const others = cluster.machines.filter((machine) => machine !== old);
    await cluster.time.until("another leads", () =>
      others.some(({ node }) => node?.status().role === "leader"),
    );
    cluster.network.heal();
    await expect(cluster.time.settle(lost)).rejects.toMatchObject({ code: "not-leader" });
    await cluster.write("kept");
    expect(await cluster.agreement()).toEqual(["kept"]);
  });

  it("whose entry nobody speaks of any more are unknown after a while, also when their leader leads again", async () => {
    const cluster = await TestCluster.form(3);
    const old = await cluster.leader();
    await cluster.followers();
    cluster.network.isolate(old.id);
    const lost = Array.from({ length: 20 }, (_, at) =>
      old.running.propose(wordEntry(`lost ${at}`)).then(
        () => "applied",
        (error: { code: string }) => error.code,
      ),
    );
    await cluster.time.until("it steps down", () => old.running.status().role !== "leader");
    const others = cluster.machines.filter((machine) => machine !== old);
    await cluster.time.until("another leads", () =>
      others.some(({ node }) => node?.status().role === "leader"),
    );
    cluster.network.heal();
    const next = await cluster.leader();
    await cluster.followers();
    await cluster.agreement();
    await cluster.time.settle(next.running.transferLeadership(old.id));
    await cluster.time.until("it leads again", () => old.running.status().role === "leader", 5_000);
    const mine = await cluster.write("its own");
    const outcomes = await cluster.time.settle(Promise.all(lost), 10_000);
    expect(new Set(outcomes)).toEqual(new Set(["not-leader", "outcome-unknown"]));
    expect(mine).toBeGreaterThan(1);
    expect(await cluster.agreement()).toEqual(["its own"]);
  });

  it("that wait are unknown when the node stops, and refused after it", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    for (const { id } of cluster.machines) cluster.network.isolate(id);
    const waiting = leader.running.propose(wordEntry("waits"));
    waiting.catch(() => undefined);
    await cluster.time.pass(10);
    const { running } = leader;
    await leader.stop();
    await expect(waiting).rejects.toMatchObject({ code: "outcome-unknown" });
    await expect(running.propose(wordEntry("late"))).rejects.toMatchObject({ code: "stopping" });
    expect(await running.stopped).toBeUndefined();
    expect(running.status().role).toBe("stopped");
  });

  it("that no state machine understands stop the node", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("fine");
    const [follower] = (await cluster.followers()) as readonly [TestMachine];
    follower.machine.poison = "poison";
    await cluster.write("poison");
    const failure = await cluster.time.settle(follower.running.stopped);
    expect(failure).toMatchObject({ code: "stopped" });
    expect(failure?.message).toContain("cannot apply poison");
    expect(follower.machine.words).toEqual(["fine"]);
    await cluster.write("the others go on");
  });

  it("of a kind that is nobody's, or too large, are refused", async () => {
    const cluster = await TestCluster.form(1);
    const leader = await cluster.leader();
    const { running } = leader;
    for (const kind of [0, 1, 3, 200])
      await expect(running.propose(wordEntry("x", kind))).rejects.toMatchObject({ code: "invalid" });
    await expect(running.propose(new Uint8Array())).rejects.toMatchObject({ code: "invalid" });
    await expect(running.propose(wordEntry("x".repeat(9_000)))).rejects.toMatchObject({ code: "too-large" });
  });

  it("are acknowledged only once a majority has them on disk", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("before");
    const leader = await cluster.leader();
    await cluster.followers();
    const untilMs = cluster.time.nowMs + 400;
    for (const machine of cluster.machines) if (machine !== leader) machine.volume.stalledUntilMs = untilMs;
    await cluster.time.settle(leader.running.propose(wordEntry("slow")));
    expect(cluster.time.nowMs).toBeGreaterThanOrEqual(untilMs);
  });
});
