import { Code } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "@jest/globals";

import { OperatedCluster } from "../test-support/operated-cluster.ts";

let cluster: OperatedCluster;
beforeEach(async () => {
  cluster = await OperatedCluster.form();
});

const failed = (message: string) => ({
  code: Code.FailedPrecondition,
  rawMessage: expect.stringContaining(message) as unknown,
});

describe("a change of the members", () => {
  it("that a follower is asked for is passed on to the leader, once", async () => {
    cluster.wait("n4:7511", 4);
    expect(
      await cluster.settle(cluster.client(3).addMember({ name: "n4", address: "n4:7511" })),
    ).toMatchObject({
      id: 4n,
    });
    await cluster.settle(cluster.client(2).promoteMember({ id: 4n }));
    await cluster.settle(cluster.client(1).removeMember({ id: 3n }));
    await cluster.settle(cluster.client(2).transferLeadership({ to: 2n }));
    expect(cluster.changes).toEqual(["add-learner 4", "promote 4", "remove 3", "transfer 2"]);
    expect(cluster.requests.filter((request) => request.endsWith("AddMember"))).toEqual([
      "n3:7511 AddMember",
      "n1:7511 AddMember",
    ]);
  });

  it("is not passed on by the node that it was passed on to: when that does not lead any more, whoever was asked looks for the leader again", async () => {
    cluster.statusOf.set(1, { role: "follower", leader: 2 });
    const promoted = cluster.client(3).promoteMember({ id: 2n });
    await cluster.clock.advance(1_000);
    const asked = new Set(cluster.requests.filter((request) => request.endsWith("PromoteMember")));
    expect([...asked]).toEqual(["n3:7511 PromoteMember", "n1:7511 PromoteMember"]);
    expect(cluster.changes).toEqual([]);
    cluster.statusOf.delete(1);
    await cluster.settle(promoted);
    expect(cluster.changes).toEqual(["promote 2"]);
  });

  it("is refused when the leader has changed and no other is known for longer than elections take", async () => {
    cluster.statusOf.set(1, { role: "follower", leader: 2 });
    await expect(cluster.settle(cluster.client(3).promoteMember({ id: 2n }))).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining("nothing was done, try again"),
    });
    expect(cluster.changes).toEqual([]);
  });

  it("is refused while nobody leads, with what to do", async () => {
    cluster.depose();
    await expect(cluster.settle(cluster.client(2).removeMember({ id: 3n }))).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringMatching(/nobody leads now; nothing was done.*trellis cluster recover/),
    });
  });

  it("that was carried out and is asked for again finds so", async () => {
    cluster.wait("n4:7511", 4);
    const add = () => cluster.settle(cluster.client(1).addMember({ name: "n4", address: "n4:7511" }));
    expect([await add(), await add()]).toMatchObject([{ id: 4n }, { id: 4n }]);
    expect(cluster.changes).toEqual(["add-learner 4"]);
  });

  it("adds only a node that runs, and waits for this cluster", async () => {
    const add = (name: string, address: string) =>
      cluster.settle(cluster.client(1).addMember({ name, address }));
    await expect(add("n 4", "n4:7511")).rejects.toMatchObject(failed("expected a name"));
    await expect(add("n4", "n4")).rejects.toMatchObject(failed("expected an address HOST:PORT"));
    await expect(add("n4", "n4:7511")).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining("no storage node answers at n4:7511"),
    });
    cluster.wait("n4:7511", 4, "");
    await expect(add("n4", "n4:7511")).rejects.toMatchObject(
      failed("waits for no cluster; start it with --join"),
    );
    cluster.wait("n4:7511", 4, "d".repeat(32));
    await expect(add("n4", "n4:7511")).rejects.toMatchObject(failed("belongs to cluster dddd"));
    expect(cluster.changes).toEqual([]);
  });

  it("removes no voter without which those that can be reached are no majority", async () => {
    cluster.silent.add(3);
    await expect(cluster.settle(cluster.client(1).removeMember({ id: 2n }))).rejects.toMatchObject(
      failed("without n2 there are 2 voters, of which 1 can be reached"),
    );
    await cluster.settle(cluster.client(1).removeMember({ id: 3n }));
    expect(cluster.changes).toEqual(["remove 3"]);
  });
});
