import { describe, expect, it } from "@jest/globals";

import { ALL, keyOf, openRouted, outcomeOf, put, putAll } from "../test-support/routed.ts";

const SERVERS = ["node-3:7511", "node-2:7511", "node-1:7511"];

describe("reads", () => {
  it("go to the first replica of the configuration, strong ones to the leader", async () => {
    const { backend, calls } = await openRouted({ servers: SERVERS });
    await backend.read(keyOf("a"));
    await backend.read(keyOf("a"), { consistency: "strong" });
    expect(calls("read")).toEqual(["node-3:7511 read", "node-1:7511 read"]);
  });

  it("never show less than was shown before, over a change of replica", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    cluster.node(2).isBehind = true;
    const [version = 0] = await putAll(backend, ["a"]);
    const first = await backend.read(keyOf("a"), { minimum: { version: version as never } });
    expect(first.record).toBeDefined();
    cluster.network.setDown("node-3:7511", true);
    await cluster.clock.flush();
    const second = backend.read(keyOf("a"));
    const seen = outcomeOf(second);
    await cluster.clock.flush();
    expect(seen.state).toBe("pending");
    cluster.node(2).isBehind = false;
    cluster.node(2).catchUp();
    expect((await second).record).toBeDefined();
  });

  it("leave a replica that has lost the leader for 5 s, unless none is left", async () => {
    const { cluster, backend, calls } = await openRouted({ servers: SERVERS });
    cluster.node(3).leaderlessMs = 5_000;
    cluster.node(3).tell();
    await backend.read(keyOf("a"));
    expect(calls("read").at(-1)).toBe("node-2:7511 read");
    cluster.network.setDown("node-1:7511", true);
    cluster.network.setDown("node-2:7511", true);
    await cluster.clock.flush();
    await backend.read(keyOf("a"));
    expect(calls("read").at(-1)).toBe("node-3:7511 read");
  });

  it("do not wait for a replica that has just come back and knows of no leader, unless none does", async () => {
    const { cluster, backend, calls } = await openRouted({ servers: SERVERS });
    cluster.node(3).isBehind = true;
    cluster.node(3).knowsLeader = false;
    cluster.node(3).tell();
    const [version = 0] = await putAll(backend, ["a"]);
    const seen = outcomeOf(backend.read(keyOf("a"), { minimum: { version: version as never } }));
    await cluster.clock.flush();
    expect(seen.state).toBe("done");
    expect(calls("read")).toEqual(["node-2:7511 read"]);
    for (const node of cluster.nodes) {
      node.knowsLeader = false;
      node.tell();
    }
    cluster.node(3).isBehind = false;
    cluster.node(3).catchUp();
    await cluster.clock.flush();
    await backend.read(keyOf("a"));
    expect(calls("read").at(-1)).toBe("node-3:7511 read");
  });

  it("that a replica which is held up leaves without an answer go on at another after a second, and the next ones at once", async () => {
    const { cluster, backend, calls } = await openRouted();
    await backend.commit([put("a")]);
    cluster.network.faults(cluster.node(1).address).isStuck = true;
    const first = outcomeOf(backend.read(keyOf("a")));
    await cluster.clock.advance(999);
    expect(first.state).toBe("pending");
    await cluster.clock.advance(1);
    expect(first.state).toBe("done");
    const next = outcomeOf(backend.read(keyOf("a")));
    await cluster.clock.flush();
    expect(next.state).toBe("done");
    expect(calls("read")).toEqual(["node-1:7511 read", "node-2:7511 read", "node-2:7511 read"]);
    cluster.network.faults(cluster.node(1).address).isStuck = false;
    await cluster.clock.advance(5_000);
    await backend.read(keyOf("a"));
    expect(calls("read").at(-1)).toBe("node-1:7511 read");
  });

  it("wait for a replica that is held up when the others are as well", async () => {
    const { cluster, backend, calls } = await openRouted();
    for (const address of cluster.addresses) cluster.network.faults(address).isStuck = true;
    const reading = outcomeOf(backend.read(keyOf("a")));
    await cluster.clock.advance(20_000);
    expect(reading.state).toBe("pending");
    expect(calls("read")).toHaveLength(3);
  });

  it("that wait at a replica which falls behind go on at another", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    cluster.node(3).isBehind = true;
    const [version = 0] = await putAll(backend, ["a"]);
    const reading = backend.read(keyOf("a"), { minimum: { version: version as never } });
    const seen = outcomeOf(reading);
    await cluster.clock.advance(400);
    expect(seen.state).toBe("pending");
    cluster.node(3).leaderlessMs = 5_000;
    await cluster.clock.advance(500);
    expect(seen.state).toBe("done");
  });

  it("are held until a replica is there, and given up at the deadline", async () => {
    const { cluster, backend } = await openRouted();
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    await cluster.clock.flush();
    const controller = new AbortController();
    const given = backend.read(keyOf("a"), { signal: controller.signal });
    const held = outcomeOf(backend.read(keyOf("a")));
    const seen = outcomeOf(given);
    await cluster.clock.advance(3_000);
    expect([seen.state, held.state]).toEqual(["pending", "pending"]);
    controller.abort();
    await cluster.clock.flush();
    await expect(given).rejects.toThrow(/waited for a storage server to answer: node-1:7511 \(/);
    cluster.network.setDown("node-2:7511", false);
    await cluster.clock.advance(2_100);
    expect(held.state).toBe("done");
  });

  it("of a page go to who served the one before, and to others when the version is gone there", async () => {
    const { cluster, backend, calls } = await openRouted({ servers: SERVERS });
    const versions = await putAll(backend, ["a", "b", "c"]);
    const page = await backend.list(ALL, { limit: 1, minimum: { version: versions.at(-1) as never } });
    const { version: atVersion } = page.position;
    cluster.node(3).isStopping = true;
    cluster.node(3).tell();
    const rest = { limit: 1, atVersion, after: keyOf("a") };
    await backend.list(ALL, rest);
    expect(calls("list")).toEqual(["node-3:7511 list", "node-3:7511 list"]);
    await putAll(backend, ["d"]);
    await cluster.sendSnapshot(cluster.node(1), cluster.node(3));
    const { records } = await backend.list(ALL, rest);
    expect(records.map(({ key }) => key.name)).toEqual(["b"]);
    expect(calls("list").slice(2)).toEqual(["node-3:7511 list", "node-2:7511 list"]);
  });

  it("pass version-gone on once every replica has said so", async () => {
    const { backend, calls } = await openRouted({ limits: { historyCommits: 2 } });
    const [version] = await putAll(backend, ["a", "b", "c", "d", "e", "f"]);
    await expect(backend.list(ALL, { atVersion: version as never })).rejects.toMatchObject({
      code: "version-gone",
    });
    expect(new Set(calls("list")).size).toBe(3);
  });

  it("of another store's version are told so, without a wait", async () => {
    const { backend } = await openRouted();
    const minimum = { storeId: "00000000000000000000000000", version: 1 as never };
    await expect(backend.read(keyOf("a"), { minimum })).rejects.toMatchObject({ code: "store-changed" });
  });

  it("begin anew after a restore, and what is left of the former store is not shown", async () => {
    const { cluster, backend, calls, events } = await openRouted({ servers: SERVERS });
    await putAll(backend, ["a", "b"]);
    const before = await backend.read(keyOf("a"), { consistency: "strong" });
    // Node 3 is not restored, and never hears of it.
    cluster.node(3).isBehind = true;
    for (const id of [1, 2]) {
      await cluster.node(id).begin("01K00000000000000000000000", cluster.lastIndex - 1);
      cluster.node(id).tell();
    }
    await cluster.clock.flush();
    const after = await backend.read(keyOf("a"));
    expect(after).toMatchObject({ record: undefined, position: { storeId: "01K00000000000000000000000" } });
    expect(calls("read").at(-1)).toBe("node-2:7511 read");
    const minimum = before.position;
    await expect(backend.read(keyOf("a"), { minimum })).rejects.toMatchObject({ code: "store-changed" });
    const committing = backend.commit([put("c")]);
    await cluster.clock.advance(1_000);
    expect(await committing).toMatchObject({ outcome: "applied" });
    expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["store-changed", "session-lost"]));
    expect(backend.position().storeId).toBe("01K00000000000000000000000");
  });

  it("are refused once too many wait", async () => {
    const { cluster, backend } = await openRouted();
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    await cluster.clock.flush();
    const states = Array.from({ length: 10_010 }, () => outcomeOf(backend.read(keyOf("a"))));
    await cluster.clock.flush();
    expect(states.filter(({ state }) => state === "resource-exhausted")).toHaveLength(10);
    await backend.close();
  });

  it("find members that the configuration does not name", async () => {
    const { cluster, backend } = await openRouted({ servers: ["node-2:7511"] });
    await backend.commit([put("a")]);
    expect(cluster.addresses.map((address) => cluster.network.links(address))).toEqual([1, 1, 1]);
  });
});
