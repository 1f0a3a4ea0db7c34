import { describe, expect, it } from "@jest/globals";

import { ALL, keyOf, openRouted, outcomeOf, put, putAll, snapshotOf, take } from "./test-support/routed.ts";

describe("a backend with a node in its process", () => {
  const open = () => openRouted({ isMember: true });
  const textOf = (found: { readonly record?: { readonly bytes: Uint8Array } | undefined } | undefined) =>
    found?.record && new TextDecoder().decode(found.record.bytes);

  it("reads what that node has without a call, commits at the leader, and watches at home", async () => {
    const { backend, cluster } = await open();
    const watch = backend.watch(ALL);
    expect(await snapshotOf(watch)).toEqual([]);
    await putAll(backend, ["a"]);
    await cluster.clock.flush();
    expect(await take(watch, 1)).toEqual(["put a"]);
    expect(textOf(await backend.read(keyOf("a")))).toBe("a");
    expect(textOf(backend.readNow?.(keyOf("a")))).toBe("a");
    expect((await backend.list(ALL)).records.length).toBe(1);
    expect(cluster.network.calls.filter((call) => !/openSession|submit/.test(call))).toEqual([]);
    expect(new Set(cluster.network.calls.map((call) => call.split(" ")[0]))).toEqual(
      new Set(["node-1:7511"]),
    );
  });

  it("reads nothing at once that is older than what it was asked for, or than what it showed", async () => {
    const { backend, cluster } = await open();
    cluster.node(2).isBehind = true;
    const [version = 0] = await putAll(backend, ["a"]);
    expect(backend.readNow?.(keyOf("a"))?.record).toBeUndefined();
    expect(backend.readNow?.(keyOf("a"), { minimum: { version: version as never } })).toBeUndefined();
    await backend.read(keyOf("a"), { consistency: "strong" });
    expect(backend.readNow?.(keyOf("a"))).toBeUndefined();
    cluster.node(2).isBehind = false;
    cluster.node(2).catchUp();
    expect(textOf(backend.readNow?.(keyOf("a")))).toBe("a");
  });

  it("shows nothing older than what was read at once, over a change of replica", async () => {
    const { backend, cluster } = await open();
    for (const id of [1, 3]) cluster.node(id).isBehind = true;
    cluster.append(undefined);
    await cluster.clock.flush();
    expect(backend.readNow?.(keyOf("a"))).toBeDefined();
    cluster.node(2).leaderlessMs = 5_000;
    cluster.node(2).tell();
    const reading = backend.read(keyOf("a"));
    const seen = outcomeOf(reading);
    await cluster.clock.flush();
    expect(seen.state).toBe("pending");
    for (const id of [1, 3]) {
      cluster.node(id).isBehind = false;
      cluster.node(id).catchUp();
    }
    await reading;
  });

  it("reads nothing strong at once that its node cannot vouch for", async () => {
    const { backend, cluster } = await open();
    await putAll(backend, ["a"]);
    await cluster.clock.flush();
    expect(backend.readNow?.(keyOf("a"), { consistency: "strong" })).toBeUndefined();
    cluster.lead(2);
    await cluster.clock.flush();
    expect(backend.readNow?.(keyOf("a"), { consistency: "strong" })).toBeUndefined();
    expect(textOf(await backend.read(keyOf("a"), { consistency: "strong" }))).toBe("a");
    cluster.node(2).hasLease = true;
    expect(textOf(backend.readNow?.(keyOf("a"), { consistency: "strong" }))).toBe("a");
  });

  it("commits at home while its node leads, and once when the leadership moves away meanwhile", async () => {
    const { backend, cluster, calls } = await open();
    await putAll(backend, ["a"]);
    const before = calls("submit").length;
    cluster.lead(2);
    await putAll(backend, ["b"]);
    expect(calls("submit").length).toBe(before);
    cluster.node(2).isBehind = true;
    const commit = backend.commit([put("c")]);
    await cluster.clock.flush();
    cluster.lead(3);
    const { version } = await commit;
    expect(calls("submit").at(-1)).toMatch(/^node-3/);
    cluster.node(2).isBehind = false;
    cluster.node(2).catchUp();
    const { records } = await backend.list(ALL);
    expect(records.map(({ key }) => key.name)).toEqual(["a", "b", "c"]);
    expect(records.at(-1)?.version).toBeLessThanOrEqual(version);
  });

  it("asks the others, which its node names, while that shows the past", async () => {
    const { backend, cluster, calls } = await open();
    await putAll(backend, ["a"]);
    await cluster.clock.flush();
    cluster.node(2).leaderlessMs = 5_000;
    cluster.node(2).tell();
    expect(backend.readNow?.(keyOf("a"))).toBeUndefined();
    expect(textOf(await backend.read(keyOf("a")))).toBe("a");
    expect(calls("read").length).toBe(1);
  });

  it("that is closed reads nothing", async () => {
    const { backend } = await open();
    await backend.close();
    expect(() => backend.readNow?.(keyOf("a"))).toThrow(expect.objectContaining({ code: "unavailable" }));
  });
});
