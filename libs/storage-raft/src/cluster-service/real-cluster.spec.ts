import { Code, createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import {
  ClusterService,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { connectTo } from "@trellis/raft-node";
import { eventually } from "@trellis/testkit";

import { type ServedNode, ServedNodes } from "../test-support/served-node.ts";

/** How long an election, and a machine that is busy, may take. */
const LIMIT_MS = 20_000;
let nodes: ServedNodes;
beforeEach(async () => {
  nodes = await ServedNodes.begin();
});
afterEach(() => nodes.end());

it("a cluster on sockets is shown, checked, grown, and led by another, through a follower", async () => {
  const members = await nodes.form("n1", "n2", "n3");
  for (const node of members) await eventually(() => expect(node.part?.notReady()).toBeUndefined(), LIMIT_MS);
  const [follower] = members as [ServedNode];
  const connection = connectTo(follower.address);
  const client = createClient(ClusterService, connection.transport);
  try {
    await eventually(
      async () => expect(await client.getStatus({})).toMatchObject({ healthy: true }),
      LIMIT_MS,
    );
    expect(await client.checkReplicas({})).toMatchObject({ equal: true });

    const newcomer = await nodes.place("n4");
    const add = { name: "n4", address: newcomer.address };
    await expect(client.addMember(add)).rejects.toMatchObject({ code: Code.Unavailable });
    await newcomer.start({ kind: "join", addresses: [follower.address] });
    await eventually(() => expect(newcomer.part?.notReady()).toContain("trellis cluster add n4="), LIMIT_MS);
    const { id } = await client.addMember(add);
    await eventually(async () => {
      const { members } = await client.getStatus({});
      expect(members[3]).toMatchObject({ name: "n4", state: State.LEARNER, lag: 0n });
      expect(Number(members[3]?.appliedIndex)).toBeGreaterThan(2);
    }, LIMIT_MS);
    await client.promoteMember({ id });
    expect(await client.checkReplicas({})).toMatchObject({ equal: true, replicas: { length: 4 } });
    await client.transferLeadership({ to: id });
    await eventually(
      async () => expect(await client.getStatus({})).toMatchObject({ leaderId: id, healthy: true }),
      LIMIT_MS,
    );
    await client.removeMember({ id });
    await eventually(async () => {
      const status = await client.getStatus({});
      expect(status.members).toHaveLength(3);
      expect(status.leaderId).not.toBe(0n);
    }, LIMIT_MS);
  } finally {
    connection.close();
  }
});
