import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import { put } from "../test-support/contents.ts";
import { OperatedCluster } from "../test-support/operated-cluster.ts";

let cluster: OperatedCluster;
beforeEach(async () => {
  cluster = await OperatedCluster.form();
});

const statusAt = (id: number) => cluster.settle(cluster.client(id).getStatus({}));

describe("the status of a cluster", () => {
  it("is put together by any member from what all say of themselves", async () => {
    await cluster.cluster.leading.backend.commit([put("a", "x")]);
    await cluster.clock.flush();
    for (const asked of [1, 2, 3]) {
      const status = await statusAt(asked);
      expect(status).toMatchObject({ leaderId: 1n, term: 1n, healthy: true, problems: [] });
      expect(status.members).toMatchObject([
        { id: 1n, name: "n1", role: Role.VOTER, state: State.LEADER, pid: 1001, lag: 0n, loopDelayMs: 1 },
        { id: 2n, name: "n2", role: Role.VOTER, state: State.FOLLOWER, pid: 1002, lag: 0n, loopDelayMs: 2 },
        { id: 3n, name: "n3", role: Role.VOTER, state: State.FOLLOWER, pid: 1003, lag: 0n, loopDelayMs: 3 },
      ]);
    }
  });

  it("calls a member that does not answer within a second unreachable, and the cluster not healthy", async () => {
    cluster.silent.add(3);
    const asking = cluster.client(2).getStatus({});
    await cluster.clock.advance(999);
    await cluster.clock.advance(1);
    const status = await asking;
    expect(status).toMatchObject({
      leaderId: 1n,
      healthy: false,
      problems: ["n3 does not answer at n3:7511, last heard 12 s ago"],
    });
    expect(status.members[2]).toMatchObject({ state: State.UNREACHABLE, pid: 0 });
  });

  it("does not take another node, or another cluster, for the member that had its address", async () => {
    cluster.statusOf.set(3, { clusterId: "d".repeat(32) });
    expect((await statusAt(1)).members[2]).toMatchObject({ state: State.UNREACHABLE });
    cluster.statusOf.set(3, { id: 4 });
    expect((await statusAt(1)).members[2]).toMatchObject({ state: State.UNREACHABLE });
  });

  it("has the one leader of the highest term, also while a deposed one does not know it yet", async () => {
    cluster.statusOf.set(2, { role: "leader", term: 7, leader: 2 });
    const status = await statusAt(1);
    expect(status).toMatchObject({ leaderId: 2n, term: 7n });
    expect(status.members.map(({ state }) => state)).toEqual([State.FOLLOWER, State.LEADER, State.FOLLOWER]);
  });

  it("says of a cluster without a majority how many voters are needed", async () => {
    cluster.depose();
    cluster.silent.add(1).add(3);
    const status = await statusAt(2);
    expect(status).toMatchObject({ leaderId: 0n, healthy: false });
    expect(status.problems[0]).toBe("nobody leads: 2 of 3 voters are needed, 1 answers; start others again");
  });

  it("asks the members of which only the leader knows", async () => {
    cluster.members = cluster.members.slice(0, 2);
    const known = await statusAt(2);
    expect(known.members).toHaveLength(2);
    const [n1, n2] = cluster.members;
    const n3 = { id: 3, name: "n3", address: "n3:7511", voter: false };
    const seen = [n1, n2, n3].flatMap((member) =>
      member === undefined ? [] : [{ ...member, matched: 1, applied: 1, hasSpace: true, silentMs: 0 }],
    );
    cluster.statusOf.set(1, { members: seen });
    cluster.statusOf.set(3, { role: "learner", members: seen });
    expect((await statusAt(2)).members[2]).toMatchObject({
      role: Role.LEARNER,
      state: State.LEARNER,
      pid: 1003,
    });
  });

  it.each([
    [{ hasSpace: false }, "n2 has no room on its disk for new entries"],
    [{ committed: 20_001, applied: 1 }, /^n2 lags by 20000 entries$/],
    [{ oldestWriteMs: 900 }, "the disk of n2 keeps a write waiting for 0.9 s"],
  ])("says what is wrong with a member: %j", async (trouble, problem) => {
    cluster.statusOf.set(2, trouble);
    const { healthy, problems } = await statusAt(1);
    expect(healthy).toBe(false);
    expect(problems).toContainEqual(
      typeof problem === "string" ? problem : (expect.stringMatching(problem) as unknown),
    );
  });
});
