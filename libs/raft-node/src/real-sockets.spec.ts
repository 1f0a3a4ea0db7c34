import { afterAll, describe, expect, it } from "@jest/globals";

import { restoreCluster } from "./begin-cluster.ts";
import { noChunks, wordEntry } from "./test-support/list-machine.ts";
import { RealNode } from "./test-support/real-node.ts";

const CONFIG = {
  // Long enough for a machine that has much else to do: nobody is to be replaced by accident.
  electionMs: 2_000,
  snapshotEntries: 40,
  trailingEntries: 10,
  wal: { segmentBytes: 1024 * 1024, batchBytes: 512 * 1024, appendBytes: 512 * 1024 },
  entryBytes: 64 * 1024,
};

/** Whoever of them leads now, as soon as all agree. */
async function leaderOf(nodes: readonly RealNode[]): Promise<RealNode> {
  for (;;) {
    const [first] = nodes as readonly [RealNode];
    await first.until(() => first.running.status().leader !== undefined);
    const { leader } = first.running.status();
    const found = nodes.find(({ node }) => node?.id === leader);
    if (found?.node === undefined) {
      await first.until(() => first.running.status().leader !== leader);
      continue;
    }
    await found.until(
      () => found.running.status().role === "leader" || found.running.status().leader !== leader,
    );
    if (found.running.status().role === "leader") return found;
  }
}

async function write(leader: RealNode, count: number, prefix: string): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) => leader.running.propose(wordEntry(`${prefix} ${at}`))),
  );
}

describe("three nodes on real sockets and real disks", () => {
  const nodes = [new RealNode("n0"), new RealNode("n1"), new RealNode("n2")];

  afterAll(async () => {
    for (const node of nodes) {
      await node.kill();
      await node.wipe();
    }
  });

  it("form a cluster, replicate, take one back that was gone, and refuse a wiped one and one of a former cluster", async () => {
    for (const node of nodes) await node.listen();
    await Promise.all(nodes.map((node) => node.form(nodes)));
    await Promise.all(nodes.map((node) => node.start(CONFIG)));
    expect(new Set(nodes.map(({ running }) => running.clusterId)).size).toBe(1);

    const leader = await leaderOf(nodes);
    await write(leader, 100, "first");
    for (const { running, machine } of nodes) {
      await running.confirmRead();
      expect(machine.words).toHaveLength(100);
    }

    // One is killed, misses more than the log keeps, and comes back by a snapshot.
    const [lagging, third] = nodes.filter((node) => node !== leader) as [RealNode, RealNode];
    await lagging.kill();
    await write(leader, 100, "second");
    await leader.running.takeSnapshot();
    await lagging.listen();
    await lagging.form(nodes);
    await lagging.start(CONFIG);
    await lagging.running.confirmRead();
    expect(lagging.machine.words).toEqual(leader.machine.words);
    expect(lagging.machine.words).toHaveLength(200);
    expect(lagging.events.map(({ kind }) => kind)).toContain("snapshot-installed");

    // One is wiped: under its old address there is another node, which is told what to do.
    await third.kill();
    await third.wipe();
    await third.listen();
    await expect(third.form(nodes)).rejects.toMatchObject({ code: "wrong-cluster" });
    await write(leader, 10, "third");

    // And one goes over to another cluster: the members of the former one do not talk to it.
    await restoreCluster(
      await third.data(),
      { name: third.name, address: third.address },
      { index: 1, term: 1, featureLevel: 1, chunks: noChunks },
      Math.random,
    );
    await third.start(CONFIG);
    await third.until(() => third.running.status().role === "leader");
    await leader.until(() => leader.refusals.some((reason) => reason.includes("belongs to cluster")));
    await write(leader, 10, "fourth");
    await lagging.running.confirmRead();
    expect(lagging.machine.words).toHaveLength(220);
    expect(third.machine.words).toEqual([]);

    // In good order: leadership goes first.
    await leader.running.transferLeadership(lagging.running.id);
    await lagging.until(() => lagging.running.status().role === "leader");
    await lagging.running.propose(wordEntry("last"));
    await leader.running.confirmRead();
    expect(leader.machine.words.at(-1)).toBe("last");
  }, 60_000);
});
