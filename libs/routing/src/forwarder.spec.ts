import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";

import type { RoutingEvent } from "./deps.ts";
import { createForwarder, type Forwarder } from "./forwarder.ts";
import { createRoutedBackend } from "./routed-backend.ts";
import { keyOf, openRouted, outcomeOf, put } from "./test-support/routed.ts";
import { TestCluster } from "./test-support/test-cluster.ts";

/** A forwarder at an address of the cluster's network. */
function forwarderAt(
  cluster: TestCluster,
  address: string,
  servers: readonly string[],
  events: RoutingEvent[] = [],
): Forwarder {
  const { network, clock } = cluster;
  const onEvent = (event: RoutingEvent): void => void events.push(event);
  const deps = { openLink: network.openLink, clock, random: seededRandom(3), onEvent };
  const forwarder = createForwarder(deps, { name: address, servers });
  network.serve(address, forwarder);
  return forwarder;
}

describe("a forwarder", () => {
  it("goes to storage nodes only: two that name each other pass nothing round in a circle", async () => {
    const cluster = await TestCluster.form();
    const [one, two] = [
      forwarderAt(cluster, "one:7520", ["two:7520", "node-2:7511"]),
      forwarderAt(cluster, "two:7520", ["one:7520", "node-2:7511"]),
    ];
    await cluster.clock.advance(3_000);
    expect([one.reached(), two.reached()]).toEqual(["node-1:7511", "node-1:7511"]);
    const deps = { openLink: cluster.network.openLink, clock: cluster.clock, random: seededRandom(5) };
    const backend = createRoutedBackend(deps, { servers: ["one:7520"] });
    const committing = outcomeOf(backend.commit([put("a")]));
    await cluster.clock.advance(1_000);
    expect(committing.state).toBe("done");
    expect(cluster.network.calls.filter((call) => call.startsWith("two:7520"))).toEqual([]);
    await Promise.all([backend.close(), one.close(), two.close()]);
  });

  it("that is told to go to itself says what it needs", async () => {
    const cluster = await TestCluster.form();
    const forwarder = forwarderAt(cluster, "one:7520", ["one:7520"]);
    await cluster.clock.advance(100);
    expect(forwarder.waitsFor()).toBe(
      "a storage server to answer: one:7520 (it is a forwarder, one:7520; expected a storage node: name those)",
    );
    await forwarder.close();
  });

  it("logs of a server once that it does not belong here, and once that it is not there, while others are", async () => {
    const cluster = await TestCluster.form();
    const events: RoutingEvent[] = [];
    const servers = ["one:7520", "nobody:7511", "node-1:7511"];
    const forwarder = forwarderAt(cluster, "one:7520", servers, events);
    await cluster.clock.advance(100);
    const told = () => events.filter(({ kind }) => kind === "server-not-linked");
    const refused = { address: "one:7520", reason: expect.stringContaining("it is a forwarder") as unknown };
    expect(told()).toEqual([{ kind: "server-not-linked", ...refused }]);
    await cluster.clock.advance(60_000);
    expect(told().slice(1)).toEqual([
      { kind: "server-not-linked", address: "nobody:7511", reason: "nobody:7511 is not there" },
    ]);
    await forwarder.close();
  });
});

describe.each([{ isForwarded: false }, { isForwarded: true }])("a router that is closed %j", (how) => {
  it("ends what it holds at once", async () => {
    const { cluster, backend, forwarder } = await openRouted(how);
    cluster.lead(undefined);
    await cluster.clock.flush();
    const router = forwarder?.endpoint ?? backend;
    const held = [
      outcomeOf(router.read(keyOf("a"), { consistency: "strong" })),
      outcomeOf(router.commit([put("a")], { evaluateOnly: true })),
      outcomeOf(router.commit([put("a")])),
    ];
    await cluster.clock.flush();
    expect(held.map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
    await router.close();
    await cluster.clock.flush();
    expect(held.map(({ state }) => state)).toEqual(["unavailable", "unavailable", "unavailable"]);
    const late = outcomeOf(router.read(keyOf("a"), { consistency: "strong" }));
    await cluster.clock.flush();
    expect(late.state).toBe("unavailable");
    await backend.close();
  });
});
