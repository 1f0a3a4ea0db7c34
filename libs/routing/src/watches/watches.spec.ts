import { describe, expect, it } from "@jest/globals";

import { ALL, keyOf, openRouted, outcomeOf, put, putAll, snapshotOf, take } from "../test-support/routed.ts";

const SERVERS = ["node-3:7511", "node-2:7511", "node-1:7511"];

describe.each([{ isForwarded: false }, { isForwarded: true }])(
  "watches, isForwarded: $isForwarded",
  ({ isForwarded }) => {
    it("survive the loss of their replica: each commit once, in order, whole", async () => {
      const { cluster, backend } = await openRouted({ servers: SERVERS, isForwarded });
      const watch = backend.watch(ALL);
      await snapshotOf(watch);
      await backend.commit([put("a1"), put("a2")]);
      expect(await take(watch, 1)).toEqual(["put a1, put a2"]);
      cluster.network.setDown("node-3:7511", true);
      await cluster.clock.flush();
      await putAll(backend, ["b", "c"]);
      expect(await take(watch, 2)).toEqual(["put b", "put c"]);
      cluster.network.setDown("node-3:7511", false);
      await cluster.clock.advance(3_000);
      cluster.network.setDown("node-2:7511", true);
      await cluster.clock.flush();
      await putAll(backend, ["d"]);
      expect(await take(watch, 1)).toEqual(["put d"]);
    });

    it("share one watch at a replica, filtered here", async () => {
      const { cluster, backend, calls } = await openRouted({ servers: SERVERS, isForwarded });
      const everything = backend.watch(ALL);
      const one = backend.watch({ ...ALL, name: "b" });
      const some = backend.watch({ ...ALL, namePrefix: "a" });
      for (const watch of [everything, one, some]) await snapshotOf(watch);
      await putAll(backend, ["a1", "b", "a2"]);
      expect(await take(everything, 3)).toEqual(["put a1", "put b", "put a2"]);
      expect(await take(one, 1)).toEqual(["put b"]);
      expect(await take(some, 2)).toEqual(["put a1", "put a2"]);
      expect(calls("watch").filter((call) => call.startsWith("node-"))).toHaveLength(1);
      for (const watch of [everything, one, some]) watch.close();
      await cluster.clock.advance(4_000);
      const again = backend.watch(ALL);
      await snapshotOf(again);
      expect(calls("watch").filter((call) => call.startsWith("node-"))).toHaveLength(1);
    });
  },
);

describe("watches", () => {
  it("leave a replica that lags far behind, and go on where they were", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    const watch = backend.watch(ALL);
    await snapshotOf(watch);
    await putAll(backend, ["a"]);
    expect(await take(watch, 1)).toEqual(["put a"]);
    cluster.node(3).isBehind = true;
    await putAll(backend, ["b"]);
    const seen = outcomeOf(watch.next());
    await cluster.clock.advance(1_000);
    expect(seen.state).toBe("pending");
    cluster.node(3).leaderlessMs = 6_000;
    await cluster.clock.advance(1_000);
    expect(seen.state).toBe("done");
  });

  it("try other replicas before they say that the history is gone", async () => {
    const { cluster, backend, calls } = await openRouted({ servers: SERVERS });
    const versions = await putAll(backend, ["a", "b"]);
    await cluster.sendSnapshot(cluster.node(1), cluster.node(3));
    await cluster.sendSnapshot(cluster.node(1), cluster.node(2));
    const watch = backend.watch(ALL, { since: { version: versions[0] as never } });
    expect(await take(watch, 1)).toEqual(["put b"]);
    expect(calls("watch").map((call) => call.split(" ")[0])).toEqual(SERVERS);
    await cluster.sendSnapshot(cluster.node(2), cluster.node(1));
    const late = backend.watch(ALL, { since: { version: versions[0] as never } });
    await expect(late.next()).rejects.toMatchObject({ code: "history-gone" });
    expect(calls("watch")).toHaveLength(6);
  });

  it("finish a snapshot that a lost replica had begun, at the same version", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    const names = Array.from({ length: 600 }, (_, at) => `x${String(at).padStart(3, "0")}`);
    await backend.commit(names.map((name) => put(name)));
    await cluster.clock.advance(500);
    const watch = backend.watch(ALL);
    const first = await watch.next();
    expect(first).toMatchObject({ kind: "snapshot" });
    cluster.network.setDown("node-3:7511", true);
    await cluster.clock.flush();
    await putAll(backend, ["x000", "later"]);
    const rest = await watch.next();
    if (first?.kind !== "snapshot" || rest?.kind !== "snapshot") throw new Error("no snapshot");
    expect([...first.records, ...rest.records].map(({ key }) => key.name)).toEqual(names);
    expect(await take(watch, 3)).toEqual(["endOfSnapshot", "put x000", "put later"]);
  });

  it("that are read too slowly end, naming where to resume; others go on", async () => {
    const { backend } = await openRouted({ watchCommits: 4 });
    const slow = backend.watch(ALL);
    const quick = backend.watch(ALL);
    for (const watch of [slow, quick]) await snapshotOf(watch);
    const versions: number[] = [];
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      versions.push(...(await putAll(backend, [name])));
      expect(await take(quick, 1)).toEqual([`put ${name}`]);
      if (name === "a") await take(slow, 1);
    }
    const error = await slow.next().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "slow-watcher", resumeVersion: versions[0] });
    const resumed = backend.watch(ALL, { since: { version: versions[0] as never } });
    expect(await take(resumed, 6)).toEqual(["put b", "put c", "put d", "put e", "put f", "endOfSnapshot"]);
  });

  it("by the hundred are woken together, a little later, and miss nothing", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    const all = Array.from({ length: 400 }, () => backend.watch(ALL));
    for (const watch of all) await snapshotOf(watch);
    const waiting = all.map((watch) => watch.next());
    const seen = waiting.map(outcomeOf);
    await putAll(backend, ["a", "b"]);
    expect(seen.filter(({ state }) => state !== "pending")).toEqual([]);
    await cluster.clock.advance(2);
    await Promise.all(waiting);
    for (const watch of all) {
      const last = watch.take();
      expect(last?.kind === "commit" && last.events.map(({ record }) => record.key.name)).toEqual(["b"]);
    }
    const again = all[0]?.next();
    await putAll(backend, ["c"]);
    await cluster.clock.advance(2);
    expect((await again)?.kind).toBe("commit");
    for (const watch of all) watch.close();
  });

  it("end as unavailable when no replica has been there for 30 s, and say what they waited for", async () => {
    const { cluster, backend } = await openRouted();
    const watch = backend.watch(ALL);
    await snapshotOf(watch);
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    const next = watch.next();
    const seen = outcomeOf(next);
    await cluster.clock.advance(29_000);
    expect(seen.state).toBe("pending");
    await cluster.clock.advance(5_000);
    await expect(next).rejects.toThrow(/waited 30000 ms for a storage server to answer/);
  });

  it("move the mark: what a watch has shown, a read at another replica shows", async () => {
    const { cluster, backend } = await openRouted({ servers: SERVERS });
    cluster.node(2).isBehind = true;
    const watch = backend.watch(ALL);
    await snapshotOf(watch);
    await putAll(backend, ["a"]);
    expect(await take(watch, 1)).toEqual(["put a"]);
    cluster.network.setDown("node-3:7511", true);
    await cluster.clock.flush();
    const reading = backend.read(keyOf("a"));
    const seen = outcomeOf(reading);
    await cluster.clock.flush();
    expect(seen.state).toBe("pending");
    cluster.node(2).isBehind = false;
    cluster.node(2).catchUp();
    expect((await reading).record).toBeDefined();
  });

  it("close their watch at the replica some seconds after the last reader left", async () => {
    const { cluster, backend, calls } = await openRouted();
    const first = backend.watch(ALL);
    await snapshotOf(first);
    first.close();
    await cluster.clock.advance(6_000);
    const second = backend.watch(ALL);
    await snapshotOf(second);
    await putAll(backend, ["a"]);
    expect(await take(second, 1)).toEqual(["put a"]);
    expect(calls("watch")).toHaveLength(2);
  });
});
