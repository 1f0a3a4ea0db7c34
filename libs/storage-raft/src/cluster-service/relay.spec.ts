import { Code, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { clusterRelay } from "@trellis/storage/wire";

import { OperatedCluster } from "../test-support/operated-cluster.ts";

let cluster: OperatedCluster;
beforeEach(async () => {
  cluster = await OperatedCluster.form();
});

/** What a gateway or a forwarder serves that passes on to this node. */
function relay(node: () => Transport | undefined) {
  const service = clusterRelay(node);
  return createClient(
    ClusterService,
    createRouterTransport((router) => void router.service(ClusterService, service)),
  );
}

describe("a relay of the cluster service", () => {
  it("passes every method on, and what comes back", async () => {
    const client = relay(() => cluster.transport("n3:7511"));
    cluster.wait("n4:7511", 4);
    expect(await cluster.settle(client.getStatus({}))).toMatchObject({ leaderId: 1n, healthy: true });
    expect(await cluster.settle(client.checkReplicas({}))).toMatchObject({ equal: true });
    await cluster.settle(client.addMember({ name: "n4", address: "n4:7511" }));
    await cluster.settle(client.promoteMember({ id: 4n }));
    await cluster.settle(client.removeMember({ id: 4n }));
    await cluster.settle(client.transferLeadership({ to: 2n }));
    expect(cluster.changes).toEqual(["add-learner 4", "promote 4", "remove 4", "transfer 2"]);
    const first = await client.hashState({ mark: "m" })[Symbol.asyncIterator]().next();
    expect(first).toMatchObject({ value: { version: 0n } });
    await expect(client.saveSnapshot({})[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: "it has no disk",
    });
  });

  it("says so while no node can be reached, and chooses one anew for each request", async () => {
    let node: Transport | undefined;
    const client = relay(() => node);
    await expect(client.getStatus({})).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: expect.stringContaining("no storage node can be reached"),
    });
    node = cluster.transport("n2:7511");
    expect(await cluster.settle(client.getStatus({}))).toMatchObject({ healthy: true });
  });
});
