import { beforeEach, describe, expect, it } from "@jest/globals";

import { keyOf, openRouted, outcomeOf, put, type RoutedCluster } from "../test-support/routed.ts";
import { TestCluster } from "../test-support/test-cluster.ts";
import type { TestNode } from "../test-support/test-node.ts";

const OTHER_STORE = "01HZZZZZZZZZZZZZZZZZZZZZZZ";

/** A cluster whose servers a router is told of together with one of another cluster. */
async function besideAnother(): Promise<RoutedCluster & { other: TestCluster; stranger: TestNode }> {
  const routed = await openRouted({ servers: ["other:7511", "node-1:7511", "node-2:7511", "node-3:7511"] });
  const { cluster } = routed;
  const other = await TestCluster.form({ clock: cluster.clock, nodes: 1 });
  const stranger = other.node(1);
  await stranger.begin(OTHER_STORE, 1);
  cluster.network.serve("other:7511", {
    endpoint: stranger.backend,
    status: {
      status: () => ({ ...stranger.status(), clusterId: "d".repeat(32), nodeId: 9, members: [] }),
      onChange: (listener) => stranger.onChange(listener),
    },
  });
  return { ...routed, other, stranger };
}

describe("a router between two clusters", () => {
  let routed: RoutedCluster & { other: TestCluster; stranger: TestNode };
  beforeEach(async () => {
    routed = await besideAnother();
    const committing = outcomeOf(routed.backend.commit([put("a")]));
    await routed.cluster.clock.flush();
    expect(committing.state).toBe("done");
  });

  const strayed = (): readonly string[] =>
    routed.cluster.network.calls.filter((call) => call.startsWith("other:7511"));

  it("shows nothing of the other one, whatever becomes of its own", async () => {
    const { cluster, other, backend } = routed;
    other.lead(undefined);
    await cluster.clock.advance(3_000);
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    await cluster.clock.flush();
    const reading = outcomeOf(backend.read(keyOf("a")));
    await cluster.clock.advance(3_000);
    expect(reading.state).toBe("pending");
    for (const address of cluster.addresses) cluster.network.setDown(address, false);
    await cluster.clock.advance(3_000);
    expect(reading.state).toBe("done");
    expect((await backend.read(keyOf("a"))).record).toBeDefined();
    expect(strayed()).toEqual([]);
  });

  it("tells once of the server that shows another store, with what to do", async () => {
    const { cluster, events, backend } = routed;
    await cluster.clock.advance(10_000);
    const told = events.filter(({ kind }) => kind === "server-of-other-store");
    const reason = `it shows the store ${OTHER_STORE}, expected ${backend.position().storeId}; leave it out, or give it an empty directory and --join`;
    expect(told).toEqual([{ kind: "server-of-other-store", address: "other:7511", reason }]);
  });

  it("stays with its own while that has a leader, also when the other one's term is higher", async () => {
    const { cluster, other, backend } = routed;
    for (let term = 0; term < 5; term++) other.lead(1);
    await cluster.clock.advance(3_000);
    const committing = outcomeOf(backend.commit([put("b")]));
    const reading = outcomeOf(backend.read(keyOf("a"), { consistency: "strong" }));
    await cluster.clock.advance(1_000);
    expect([committing.state, reading.state]).toEqual(["done", "done"]);
    expect(strayed()).toEqual([]);
    expect(backend.position().storeId).not.toBe(OTHER_STORE);
  });

  it("goes over to the one that leads once its own does not, as after a restore, and never back", async () => {
    const { cluster, other, backend, events } = routed;
    other.lead(1);
    await cluster.clock.advance(3_000);
    cluster.lead(undefined);
    await cluster.clock.advance(100);
    const committing = outcomeOf(backend.commit([put("b")]));
    await cluster.clock.advance(1_000);
    expect(committing.state).toBe("done");
    expect(backend.position().storeId).toBe(OTHER_STORE);
    expect(events.filter(({ kind }) => kind === "store-changed")).toHaveLength(1);
    for (let term = 0; term < 5; term++) cluster.lead(1);
    await cluster.clock.advance(1_000);
    const late = outcomeOf(backend.commit([put("c")]));
    await cluster.clock.advance(1_000);
    expect(late.state).toBe("done");
    expect((await other.node(1).backend.read(keyOf("c"))).record).toBeDefined();
    other.lead(undefined);
    const held = outcomeOf(backend.commit([put("d")]));
    await cluster.clock.advance(3_000);
    expect(held.state).toBe("pending");
    expect(events.filter(({ kind }) => kind === "store-changed")).toHaveLength(1);
  });
});
