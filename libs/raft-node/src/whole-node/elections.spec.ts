import { describe, expect, it } from "@jest/globals";

import { reactions } from "../test-support/virtual-time.ts";
import { wordEntry } from "../test-support/list-machine.ts";
import { TestCluster } from "../test-support/test-cluster.ts";

describe("a cluster of three", () => {
  it("elects a leader, commits, and shows the same everywhere", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("one");
    await cluster.write("two");
    expect(await cluster.agreement()).toEqual(["one", "two"]);
    const [index] = cluster.machines[0]?.machine.indexes ?? [];
    expect(cluster.machines.map(({ machine }) => machine.indexes[0])).toEqual([index, index, index]);
  });

  it("elects another when the leader dies, and takes it back as a follower with all that was acknowledged", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(20);
    const first = await cluster.leader();
    first.crash();
    const second = await cluster.leader();
    expect(second.id).not.toBe(first.id);
    await cluster.write("after");
    await first.start();
    const words = await cluster.agreement();
    expect(words).toHaveLength(21);
    expect(first.running.status().role).toBe("follower");
  });

  it("keeps everything acknowledged when the power goes on all at once", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.writeMany(30);
    for (const machine of cluster.machines) machine.crash("lost");
    for (const machine of cluster.machines) await machine.start();
    const words = await cluster.agreement();
    expect(words).toEqual(Array.from({ length: 30 }, (_, at) => `word ${at}`));
  });

  it("gives nothing to do to a follower that is asked to write, and names the leader", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    const refused = follower?.running.propose(wordEntry("x"));
    await expect(refused).rejects.toMatchObject({ code: "not-leader", leader: leader.id });
  });
});

describe("a node alone", () => {
  it("leads at once, and applies each entry once after a restart", async () => {
    const cluster = await TestCluster.form(1);
    await cluster.writeMany(25);
    const [machine] = cluster.machines;
    await machine?.stop();
    await machine?.start();
    await cluster.write("last");
    expect(machine?.machine.words).toHaveLength(26);
    expect(new Set(machine?.machine.indexes).size).toBe(26);
    await reactions();
  });
});
