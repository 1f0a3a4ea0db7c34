import { describe, expect, it } from "@jest/globals";

import { type MembershipKeeperConfig, startMembershipKeeper } from "./membership-keeper.ts";
import { TestCluster, type TestMachine } from "./test-support/test-cluster.ts";

/** A cluster each of whose nodes has a keeper, as storage nodes do. */
async function kept(
  members: number,
  config: MembershipKeeperConfig,
  spares = 0,
): Promise<{ readonly cluster: TestCluster; readonly made: string[] }> {
  const cluster = await TestCluster.form(members, { spares });
  const made: string[] = [];
  for (const machine of cluster.machines.slice(0, members)) keep(machine, config, made);
  return { cluster, made };
}

function keep(machine: TestMachine, config: MembershipKeeperConfig, made: string[]): void {
  const { running, process } = machine;
  startMembershipKeeper(
    {
      node: running,
      clock: process,
      onChange: (change) => made.push(`${change.kind} ${"id" in change ? change.id : ""}`),
    },
    config,
  );
}

async function addLearner(cluster: TestCluster): Promise<TestMachine> {
  const newcomer = cluster.machines.at(-1) as TestMachine;
  const member = await cluster.join(newcomer);
  const leader = await cluster.leader();
  await cluster.time.settle(leader.running.changeMembership({ kind: "add-learner", member }));
  return newcomer;
}

const votersOf = ({ running }: TestMachine) =>
  running
    .status()
    .members.filter(({ voter }) => voter)
    .map(({ id }) => id);

describe("a membership keeper", () => {
  it("does nothing that it was not asked for", async () => {
    const { cluster, made } = await kept(4, {}, 1);
    await addLearner(cluster);
    const [dead] = (await cluster.followers()) as readonly [TestMachine];
    dead.crash();
    await cluster.time.pass(120_000);
    expect(made).toEqual([]);
  });

  it("promotes a learner that was there and caught up for so long", async () => {
    const { cluster, made } = await kept(3, { promoteAfterMs: 10_000 }, 1);
    const newcomer = await addLearner(cluster);
    await cluster.time.pass(9_000);
    expect(made).toEqual([]);
    await cluster.time.pass(4_000);
    expect(made).toEqual([`promote ${newcomer.id}`]);
    expect(votersOf(await cluster.leader())).toHaveLength(4);
  });

  it("begins to count anew when the learner is away in between", async () => {
    const { cluster, made } = await kept(3, { promoteAfterMs: 10_000 }, 1);
    const newcomer = await addLearner(cluster);
    await cluster.time.pass(8_000);
    newcomer.crash();
    await cluster.time.pass(5_000);
    await newcomer.start();
    await cluster.time.pass(8_000);
    expect(made).toEqual([]);
    await cluster.time.pass(5_000);
    expect(made).toEqual([`promote ${newcomer.id}`]);
  });

  it("removes a member that was silent for so long, and no earlier", async () => {
    const { cluster, made } = await kept(4, { removeAfterMs: 60_000 });
    const [dead] = (await cluster.followers()) as readonly [TestMachine];
    dead.crash();
    await cluster.time.pass(58_000);
    expect(made).toEqual([]);
    await cluster.time.pass(8_000);
    expect(made).toEqual([`remove ${dead.id}`]);
    expect(votersOf(await cluster.leader())).not.toContain(dead.id);
  });

  it("leaves three voters, dead ones among them, until another has taken the place", async () => {
    const { cluster, made } = await kept(3, { removeAfterMs: 10_000, promoteAfterMs: 5_000 }, 1);
    const [dead] = (await cluster.followers()) as readonly [TestMachine];
    dead.crash();
    await cluster.time.pass(120_000);
    expect(made).toEqual([]);
    const newcomer = await addLearner(cluster);
    await cluster.time.pass(20_000);
    expect(made).toEqual([`promote ${newcomer.id}`, `remove ${dead.id}`]);
    expect(votersOf(await cluster.leader())).toHaveLength(3);
  });

  it("counts from when a leader began to lead", async () => {
    const { cluster, made } = await kept(5, { removeAfterMs: 30_000 });
    const [dead] = (await cluster.followers()) as readonly [TestMachine];
    dead.crash();
    await cluster.time.pass(25_000);
    // There and back: what it saw when it led before does not count either.
    const leader = await cluster.leader();
    await cluster.time.settle(leader.running.transferLeadership());
    const other = await cluster.leader();
    await cluster.time.settle(other.running.transferLeadership(leader.id));
    expect(await cluster.leader()).toBe(leader);
    await cluster.time.pass(25_000);
    expect(made).toEqual([]);
    await cluster.time.pass(15_000);
    expect(made).toEqual([`remove ${dead.id}`]);
  });
});
