import { rm } from "node:fs/promises";

import { type Client, createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { connectTo, joinCluster, openDataDirectory } from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";
import type { StorageLink } from "@trellis/storage/wire";
import { eventually } from "@trellis/testkit";

import { recoverStore } from "../recover-store.ts";
import { keyOf, put } from "../test-support/contents.ts";
import { SMALL_WAL } from "../test-support/local-stores.ts";
import { linkTo } from "../test-support/loopback.ts";
import { type ServedNode, ServedNodes } from "../test-support/served-node.ts";

/** How long an election, and a machine that is busy, may take. */
const LIMIT_MS = 20_000;
let nodes: ServedNodes;
let links: StorageLink[];
beforeEach(async () => {
  nodes = await ServedNodes.begin();
  links = [];
});
afterEach(async () => {
  for (const link of links) await link.close();
  await nodes.end();
});

async function link({ address }: ServedNode): Promise<StorageLink> {
  const opened = await linkTo(address);
  links.push(opened);
  return opened;
}

async function ready(...all: readonly ServedNode[]): Promise<void> {
  for (const { part } of all) await eventually(() => expect(part?.notReady()).toBeUndefined(), LIMIT_MS);
}

/** Who leads, as the nodes say by themselves. */
async function leaderOf(
  all: readonly ServedNode[],
): Promise<{ readonly node: ServedNode; readonly link: StorageLink }> {
  for (const node of all) {
    const asked = await link(node);
    if (asked.status.takesCommits) return { node, link: asked };
  }
  throw new Error("nobody leads");
}

async function withCluster<T>(
  address: string,
  ask: (cluster: Client<typeof ClusterService>) => Promise<T>,
): Promise<T> {
  const connection = connectTo(address);
  try {
    return await ask(createClient(ClusterService, connection.transport));
  } finally {
    connection.close();
  }
}

async function membersAt(address: string) {
  const { members } = await withCluster(address, (cluster) => cluster.getStatus({}));
  return members.map(({ name, address: at }) => `${name}=${at}`);
}

describe("storage nodes", () => {
  it("form the cluster of their list, and every one of them shows what one has taken", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    await ready(...all);
    const leader = await leaderOf(all);
    const { version } = await leader.link.commit([put("a", "one")]);
    for (const node of all) {
      const { record } = await (await link(node)).read(keyOf("a"), { consistency: "strong" });
      expect(record?.version).toBe(version);
    }
    expect(leader.link.status.members.map(({ name }) => name).sort()).toEqual(["n1", "n2", "n3"]);
  });

  it("say what they wait for, and are asked nothing meanwhile", async () => {
    const [first, second] = [await nodes.place("n1"), await nodes.place("n2")];
    const members = [first, second].map(({ name, address }) => ({ name, address }));
    await first.start({ kind: "form", members });
    await eventually(
      () => expect(first.part?.notReady()).toBe(`it waits for n2 at ${second.address}`),
      LIMIT_MS,
    );
    const asked = await link(first);
    expect(asked.status).toMatchObject({
      name: "n1",
      clusterId: "",
      position: undefined,
      takesCommits: false,
    });
    await expect(asked.read(keyOf("a"))).rejects.toMatchObject({ code: "unavailable" });
    await second.start({ kind: "form", members });
    await ready(first, second);
    await eventually(() => expect(asked.status.position).toBeDefined(), LIMIT_MS);
  });

  it("say without a majority how many voters are needed, and which to start again", async () => {
    const [left, second, third] = (await nodes.form("n1", "n2", "n3")) as [
      ServedNode,
      ServedNode,
      ServedNode,
    ];
    await ready(left, second, third);
    await Promise.all([second.leave(), third.leave()]);
    await eventually(() => {
      const told = left.part?.notReady() ?? "";
      expect(told).toContain("it waits for a leader: 2 of 3 voters are needed, and 1 is there; start again ");
      for (const { name, address } of [second, third]) expect(told).toContain(`${name} (${address})`);
    }, LIMIT_MS);
    await second.start();
    await ready(left, second);
  });

  it("go on where they were after a stop, whatever they are told of a cluster", async () => {
    const [only] = (await nodes.form("n1")) as [ServedNode];
    await ready(only);
    const { version } = await (await link(only)).commit([put("a", "one")]);
    await only.leave();
    await only.start();
    await ready(only);
    expect((await (await link(only)).read(keyOf("a"), { consistency: "strong" })).record?.version).toBe(
      version,
    );
  });

  it("have the cluster know them by the name under which they were started last", async () => {
    const [first, second, third] = (await nodes.form("n1", "n2", "n3")) as [
      ServedNode,
      ServedNode,
      ServedNode,
    ];
    await ready(first, second, third);
    await second.leave();
    await second.start(undefined, { name: "renamed" });
    await eventually(
      async () => expect(await membersAt(first.address)).toContain(`renamed=${second.address}`),
      LIMIT_MS,
    );
    expect(await membersAt(third.address)).toHaveLength(3);
  });

  it("have the cluster know them where they were started last, also those that follow", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    await ready(...all);
    const leader = (await leaderOf(all)).node;
    const [left, other] = all.filter((node) => node !== leader) as [ServedNode, ServedNode];
    await left.leave();
    const moved = await nodes.moved(left);
    await moved.start();
    for (const { address } of [leader, other])
      await eventually(
        async () => expect(await membersAt(address)).toContain(`${left.name}=${moved.address}`),
        LIMIT_MS,
      );
    await ready(moved);
    expect(await membersAt(leader.address)).toHaveLength(3);
  });

  it("are not taken the place of by a process on a copy of their directory, which says so", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    await ready(...all);
    const leader = (await leaderOf(all)).node;
    const original = all.find((node) => node !== leader) as ServedNode;
    const copy = await nodes.copied(original);
    await copy.start();
    const told = (): readonly string[] =>
      copy.events.flatMap((event) => (event.kind === "address-not-noted" ? [event.reason] : []));
    await eventually(() => {
      expect(told()).toEqual([
        `member ${original.name} runs at ${original.address} as well, on a copy of this directory; end one of the two, and give it an empty directory and --join`,
      ]);
    }, LIMIT_MS);
    expect(await membersAt(leader.address)).toContain(`${original.name}=${original.address}`);
    expect(original.part?.notReady()).toBeUndefined();
    expect(original.events.filter(({ kind }) => kind === "address-not-noted")).toEqual([]);
  });

  it("hand leadership over before they stop, and tell their clients to go", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    await ready(...all);
    const leader = await leaderOf(all);
    await leader.link.commit([put("a", "one")]);
    const { term } = leader.link.status;
    const told: boolean[] = [];
    leader.link.onStatus(({ isStopping }) => told.push(isStopping));
    const rest = all.filter((node) => node !== leader.node);
    await leader.node.leave();
    expect(told).toContain(true);
    // Whoever was handed the leadership has it, or is about to: in the very next term, and not in one that somebody had to begin by himself.
    const next = await eventually(() => leaderOf(rest), LIMIT_MS);
    expect(next.link.status.term).toBe(term + 1);
    await next.link.commit([put("a", "two")]);
    await leader.link.ended;
  });

  it("remove a member that stays away, where they are told to", async () => {
    const all = await nodes.form("n1", "n2", "n3", "n4");
    await ready(...all);
    for (const node of all) {
      await node.leave();
      await node.start(undefined, { keeper: { removeAfterMs: 1_500 } });
    }
    await ready(...all);
    const gone = all[3] as ServedNode;
    await gone.leave();
    await eventually(
      async () => expect(await membersAt((all[0] as ServedNode).address)).toHaveLength(3),
      LIMIT_MS,
    );
    const said = all.flatMap(({ events }) => events).find(({ kind }) => kind === "keeping-membership");
    expect(said).toMatchObject({ change: "remove", reason: "it has been silent for 1500 ms" });
  });
});

describe("a storage node that may not take part", () => {
  it("has neither a cluster nor a way to one", async () => {
    const node = await nodes.place("n1");
    await expect(node.start()).rejects.toMatchObject({
      code: "not-formed",
      message: expect.stringContaining("(--initial-cluster)"),
    });
  });

  it("has a directory that is in use", async () => {
    const [first] = (await nodes.form("n1")) as [ServedNode];
    await ready(first);
    const second = await nodes.place("n1");
    await expect(second.start()).rejects.toMatchObject({ code: "locked" });
    // The first is not harmed.
    await (await link(first)).commit([put("a", "one")]);
  });

  it("has lost its directory: its old cluster is formed, and without the new node", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    await ready(...all);
    const lost = all[2] as ServedNode;
    await lost.leave();
    await rm(lost.directory, { recursive: true });
    const members = all.map(({ name, address }) => ({ name, address }));
    const part = await lost.start({ kind: "form", members });
    expect(await part.failed).toMatchObject({
      code: "wrong-cluster",
      message: expect.stringContaining("Remove the member whose place it takes, then let this node join"),
    });
  });

  it("was removed while it was away, says so, and can be taken back", async () => {
    const [first, , gone] = (await nodes.form("n1", "n2", "n3")) as [ServedNode, ServedNode, ServedNode];
    await ready(first, gone);
    await gone.leave();
    await withCluster(first.address, async (cluster) => {
      const { members } = await cluster.getStatus({});
      const { id = 0n } = members.find(({ name }) => name === "n3") ?? {};
      await cluster.removeMember({ id });
    });
    await gone.start();
    await eventually(
      () =>
        expect(gone.part?.notReady()).toMatch(
          new RegExp(
            `was removed .* while it was away; .*: trellis cluster add n3=${gone.address} --promote$`,
          ),
        ),
      LIMIT_MS,
    );
    await withCluster(first.address, (cluster) => cluster.addMember({ name: "n3", address: gone.address }));
    await ready(gone);
  });

  it("belongs to a cluster that another member was recovered from", async () => {
    const all = await nodes.form("n1", "n2", "n3");
    const [kept, , former] = all as [ServedNode, ServedNode, ServedNode];
    await ready(...all);
    for (const node of all) await node.leave();
    const data = await openDataDirectory(kept.directory);
    const recovered = await recoverStore(
      { clock: systemClock, random: Math.random, nextTurn: (callback) => void setImmediate(callback), data },
      { confirm: async () => true, wal: SMALL_WAL },
    );
    await kept.start();
    await former.start();
    await eventually(
      () =>
        expect(former.part?.notReady()).toContain(`${kept.address} belongs to ${recovered?.clusterId} now`),
      LIMIT_MS,
    );
  });

  it("waits to join, and is stopped meanwhile", async () => {
    const nobody = await nodes.place("nobody");
    const node = await nodes.place("n1");
    await node.start({ kind: "join", addresses: [nobody.address] });
    await eventually(
      () =>
        expect(node.part?.notReady()).toBe(
          `it waits for a member of its cluster to answer: ${nobody.address}`,
        ),
      LIMIT_MS,
    );
    await node.leave();
  });

  it("stays a newcomer of the cluster it waits for, though it is told another", async () => {
    const [member] = (await nodes.form("n1")) as [ServedNode];
    await ready(member);
    const node = await nodes.place("n2");
    await joinCluster(await openDataDirectory(node.directory), "d".repeat(32), Math.random);
    await node.start({ kind: "join", addresses: [member.address] });
    await eventually(
      () => expect(node.part?.notReady()).toContain(`to be added to cluster ${"d".repeat(32)}`),
      LIMIT_MS,
    );
  });
});
