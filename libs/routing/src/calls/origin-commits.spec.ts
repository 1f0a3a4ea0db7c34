import { describe, expect, it } from "@jest/globals";

import { create, FORWARDER, keyOf, openRouted, outcomeOf, put } from "../test-support/routed.ts";

const OTHER_STORE_ID = "01K00000000000000000000000";

describe.each([{ isForwarded: false }, { isForwarded: true }])(
  "commits of an origin, isForwarded: $isForwarded",
  ({ isForwarded }) => {
    it("are held while there is no leader, and done when there is one", async () => {
      const { cluster, backend } = await openRouted({ isForwarded });
      cluster.lead(undefined);
      await cluster.clock.advance(600);
      const held = backend.commit([create("a")]);
      const seen = outcomeOf(held);
      await cluster.clock.advance(2_000);
      expect(seen.state).toBe("pending");
      cluster.lead(2);
      await cluster.clock.advance(1_000);
      expect(await held).toMatchObject({ outcome: "applied" });
    });

    it.each([{ evaluateOnly: false }, { evaluateOnly: true }])(
      "that waited while another store took the place of theirs are not for that one, evaluateOnly: $evaluateOnly",
      async (options) => {
        const { cluster, backend } = await openRouted({ isForwarded });
        await backend.commit([put("first")]);
        cluster.lead(undefined);
        await cluster.clock.advance(600);
        const seen = outcomeOf(backend.commit([put("a")], options));
        await cluster.clock.advance(600);
        for (const node of cluster.nodes) await node.begin(OTHER_STORE_ID, cluster.lastIndex);
        cluster.lead(2);
        await cluster.clock.advance(5_000);
        expect(seen.state).toBe("unavailable");
        const { record, position } = await backend.read(keyOf("a"), { consistency: "strong" });
        expect(record).toBeUndefined();
        expect(position.storeId).toBe(OTHER_STORE_ID);
        // What is made for the new one is.
        const committing = backend.commit([put("a")], options);
        await cluster.clock.advance(1_000);
        expect(await committing).toMatchObject({ outcome: "applied" });
      },
    );

    it("are sent again under the same sequence when their answer is lost, and take effect once", async () => {
      const { cluster, backend, calls } = await openRouted({ isForwarded });
      await backend.commit([put("first")]);
      cluster.network.faults(cluster.node(1).address).lostAnswers = 1;
      const committing = backend.commit([create("a")]);
      await cluster.clock.advance(2_000);
      expect(await committing).toMatchObject({ outcome: "applied" });
      const sent = calls("submit")
        .filter((call) => !isForwarded || call.startsWith(FORWARDER))
        .map((call) => call.split(" ").slice(2).join(" "));
      expect(new Set(sent.slice(1)).size).toBe(1);
      expect(sent.length).toBeGreaterThan(2);
    });

    it("go to the new leader at once when the former one is silent", async () => {
      const { cluster, backend } = await openRouted({ isForwarded });
      await backend.commit([put("first")]);
      cluster.network.faults(cluster.node(1).address).isSilent = true;
      const committing = backend.commit([create("a")]);
      const seen = outcomeOf(committing);
      await cluster.clock.advance(200);
      expect(seen.state).toBe("pending");
      cluster.lead(2);
      await cluster.clock.advance(200);
      expect(seen.state).toBe("done");
    });

    it("are answered unavailable at their deadline when nothing was sent, saying what was waited for", async () => {
      const { cluster, backend } = await openRouted({ isForwarded });
      cluster.lead(undefined);
      await cluster.clock.advance(600);
      const controller = new AbortController();
      const held = backend.commit([create("a")], { signal: controller.signal });
      const seen = outcomeOf(held);
      await cluster.clock.advance(1_000);
      controller.abort();
      await cluster.clock.advance(0);
      expect(seen.state).toBe("unavailable");
      await expect(held).rejects.toThrow(/waited for a leader: .* of none; try again/);
      cluster.lead(2);
      await cluster.clock.advance(5_000);
      expect((await backend.read(keyOf("a"), { consistency: "strong" })).record).toBeUndefined();
    });
  },
);

describe("commits of an origin", () => {
  it("have 30 s when they say nothing themselves", async () => {
    const { cluster, backend } = await openRouted();
    cluster.lead(undefined);
    await cluster.clock.advance(600);
    const seen = outcomeOf(backend.commit([create("a")]));
    await cluster.clock.advance(29_000);
    expect(seen.state).toBe("pending");
    await cluster.clock.advance(1_001);
    expect(seen.state).toBe("unavailable");
  });

  it("are answered outcome-unknown at their deadline when they were sent, and free their place", async () => {
    const { cluster, backend, calls } = await openRouted();
    await backend.commit([put("first")]);
    const { faults } = { faults: cluster.network.faults(cluster.node(1).address) };
    faults.isSilent = true;
    const controller = new AbortController();
    const seen = outcomeOf(backend.commit([create("a")], { signal: controller.signal }));
    await cluster.clock.advance(100);
    controller.abort();
    await cluster.clock.advance(0);
    expect(seen.state).toBe("outcome-unknown");
    cluster.lead(2);
    await cluster.clock.advance(1_000);
    await backend.commit([put("b")]);
    expect(calls("submit").at(-1)).toMatch(/node-2:7511 submit \w+ 3 3$/);
    expect(calls("submit").filter((call) => call.endsWith(" 2 2"))).toHaveLength(1);
  });

  it("that were refused before a lost answer say what is stored now", async () => {
    const { cluster, backend } = await openRouted();
    await backend.commit([put("a")]);
    cluster.network.faults(cluster.node(1).address).lostAnswers = 1;
    const committing = backend.commit([create("a")]);
    await cluster.clock.flush();
    // The leader has no history any more that would tell.
    cluster.append(undefined);
    await cluster.clock.flush();
    await cluster.sendSnapshot(cluster.node(2), cluster.node(1));
    await cluster.clock.advance(2_000);
    const result = await committing;
    expect(result).toMatchObject({ outcome: "refused", current: { key: { name: "a" } } });
  });

  it("begin another session when the cluster does not know theirs, without losing what was not applied", async () => {
    const { cluster, backend, calls, events } = await openRouted();
    await backend.commit([put("first")]);
    cluster.node(1).forgetSessions();
    const committing = backend.commit([create("a")]);
    await cluster.clock.advance(2_000);
    expect(await committing).toMatchObject({ outcome: "applied" });
    expect(events.map(({ kind }) => kind)).toContain("session-lost");
    expect(new Set(calls("submit").map((call) => call.split(" ")[2])).size).toBe(2);
  });

  it("are outcome-unknown when their session is gone after they may have been applied", async () => {
    const { cluster, backend } = await openRouted();
    await backend.commit([put("first")]);
    cluster.network.faults(cluster.node(1).address).lostAnswers = 1;
    const seen = outcomeOf(backend.commit([create("a")]));
    await cluster.clock.flush();
    cluster.node(1).forgetSessions();
    await cluster.clock.advance(3_000);
    expect(seen.state).toBe("outcome-unknown");
  });

  it("keep at most 1,024 in the window, and more in a bounded queue", async () => {
    const { cluster, backend, calls } = await openRouted();
    await backend.commit([put("first")]);
    cluster.network.faults(cluster.node(1).address).isSilent = true;
    const states = Array.from({ length: 8_300 }, () => outcomeOf(backend.commit([put("a")])));
    await cluster.clock.flush();
    expect(calls("submit")).toHaveLength(1 + 1_024);
    expect(states.filter(({ state }) => state === "resource-exhausted")).toHaveLength(8_300 - 8_192);
    await backend.close();
    await cluster.clock.flush();
    expect(states.filter(({ state }) => state === "outcome-unknown")).toHaveLength(1_024);
    expect(states.filter(({ state }) => state === "unavailable")).toHaveLength(8_192 - 1_024);
  });

  it("wait with at most 64 MiB of records, and whoever comes with more is told so", async () => {
    const { cluster, backend } = await openRouted();
    cluster.lead(undefined);
    await cluster.clock.advance(600);
    const text = "x".repeat(4_000_000);
    const states = Array.from({ length: 16 }, (_, at) => outcomeOf(backend.commit([put(`a${at}`, text)])));
    const refused = backend.commit([put("b", text)]);
    await expect(refused).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringMatching(/^at most 67108864 bytes of commits wait here at once, 68004352 with/),
    });
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(["pending"]));
  });

  it("keep their session open while there is nothing to say", async () => {
    const { cluster, backend, calls } = await openRouted();
    await backend.commit([put("first")]);
    await cluster.clock.advance(15 * 60_000);
    expect(calls("keepAlive").length).toBeGreaterThanOrEqual(5);
    const committing = backend.commit([create("a")]);
    await cluster.clock.advance(0);
    await committing;
    expect(calls("openSession")).toHaveLength(1);
  }, 60_000);

  it("do not believe a leader of a former term", async () => {
    const { cluster, backend, calls } = await openRouted();
    await backend.commit([put("first")]);
    cluster.network.faults(cluster.node(1).address).isSilent = true;
    cluster.lead(2);
    await cluster.clock.advance(100);
    await backend.commit([put("a")]);
    expect(calls("submit").at(-1)).toContain("node-2:7511");
  });
});

describe("a forwarder", () => {
  it("never repeats a commit that it has sent", async () => {
    const { cluster, forwarder, calls } = await openRouted({ isForwarded: true });
    const session = await forwarder?.endpoint.openSession("s".repeat(32));
    if (session === undefined || forwarder === undefined) throw new Error("no forwarder");
    cluster.network.faults(cluster.node(1).address).lostAnswers = 1;
    const request = { session, sequence: 1, lowestUnanswered: 1 };
    const seen = outcomeOf(forwarder.endpoint.submit(request, [create("a")]));
    await cluster.clock.advance(2_000);
    expect(seen.state).toBe("outcome-unknown");
    expect(calls("submit")).toHaveLength(1);
  });

  it("says whether it takes commits, and that it stops", async () => {
    const { cluster, forwarder } = await openRouted({ isForwarded: true });
    expect(forwarder?.status.status()).toMatchObject({
      role: "forwarder",
      takesCommits: true,
      leaderId: 1,
      members: [],
    });
    expect(forwarder?.waitsFor()).toBeUndefined();
    cluster.lead(undefined);
    await cluster.clock.advance(2_000);
    const { takesCommits, leaderlessMs } = forwarder?.status.status() ?? {};
    expect(takesCommits).toBe(false);
    expect(leaderlessMs).toBeGreaterThanOrEqual(1_500);
    expect(forwarder?.waitsFor()).toMatch(/^a leader: node-1:7511, .* know of none$/);
    forwarder?.announceStop();
    expect(forwarder?.status.status().isStopping).toBe(true);
  });
});
