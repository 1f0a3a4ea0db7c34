import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType } from "@trellis/client";
import { createTestServer, createVirtualClock, type TestServer, type VirtualClock } from "@trellis/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import catalog, {
  HealthStatus,
  Node,
  NODE_HEALTH_KEY,
  NodeHealthStatus,
  Workload,
  WORKLOAD_HEALTH_KEY,
} from "../index.ts";

let clock: VirtualClock;
let server: TestServer;
beforeEach(() => {
  clock = createVirtualClock();
  server = createTestServer({ domains: [catalog], clock });
});
afterEach(() => server.close());

const addresses = [{ host: "10.0.0.1" }];

function writeNode(name: string) {
  return server.client.write(Node, { name, data: { addresses } });
}

function writeWorkload(name: string, nodeName = "") {
  return server.client.write(Workload, {
    name,
    data: { addresses, ports: { http: { port: 80 } }, nodeName },
  });
}

async function checkNode(node: string, check: string, status: Health) {
  const owner = (await server.client.read(Node, { name: node })).id;
  await server.client.write(NodeHealthStatus, {
    name: `${node}-${check}`,
    owner,
    data: { type: check, status },
  });
}

async function checkWorkload(workload: string, check: string, status: Health) {
  const owner = (await server.client.read(Workload, { name: workload })).id;
  await server.client.write(HealthStatus, {
    name: `${workload}-${check}`,
    owner,
    data: { type: check, status },
  });
}

/** The reason of the healthy condition, once nothing is left to do. */
async function health(type: ResourceType, key: string, name: string) {
  // A workload is looked at again a little later when its node has no health yet.
  await clock.advance(1_000);
  await server.settled();
  const { status, generation } = await server.client.read(type, { name });
  expect(status[key]?.observedGeneration).toBe(generation);
  const [condition] = status[key]?.conditions ?? [];
  expect(condition?.state === Condition_State.TRUE).toBe(condition?.reason === "HEALTH_PASSING");
  return condition?.reason;
}
const nodeHealth = (name: string) => health(Node, NODE_HEALTH_KEY, name);
const workloadHealth = (name: string) => health(Workload, WORKLOAD_HEALTH_KEY, name);

describe("node-health", () => {
  it("tells that a node without checks is healthy", async () => {
    await writeNode("n1");
    expect(await nodeHealth("n1")).toBe("HEALTH_PASSING");
  });

  it("follows the worst check as checks come, change and go", async () => {
    await writeNode("n1");
    await checkNode("n1", "disk", Health.WARNING);
    await checkNode("n1", "memory", Health.PASSING);
    expect(await nodeHealth("n1")).toBe("HEALTH_WARNING");
    await checkNode("n1", "memory", Health.CRITICAL);
    expect(await nodeHealth("n1")).toBe("HEALTH_CRITICAL");
    await server.client.delete(NodeHealthStatus, { name: "n1-memory" });
    expect(await nodeHealth("n1")).toBe("HEALTH_WARNING");
  });

  it("does not mix up two nodes", async () => {
    await writeNode("n1");
    await writeNode("n2");
    await checkNode("n1", "disk", Health.CRITICAL);
    expect(await nodeHealth("n2")).toBe("HEALTH_PASSING");
  });

  it("writes nothing more once it has said what there is", async () => {
    await writeNode("n1");
    await nodeHealth("n1");
    const { version } = await server.client.read(Node, { name: "n1" });
    await checkNode("n1", "disk", Health.PASSING);
    await server.settled();
    expect((await server.client.read(Node, { name: "n1" })).version).toBe(version);
  });
});

describe("workload-health", () => {
  it("is the worse of the workload's checks and its node's health, and follows both", async () => {
    await writeNode("n1");
    await writeWorkload("api-1", "n1");
    expect(await workloadHealth("api-1")).toBe("HEALTH_PASSING");
    await checkWorkload("api-1", "http", Health.WARNING);
    expect(await workloadHealth("api-1")).toBe("HEALTH_WARNING");
    await checkNode("n1", "disk", Health.CRITICAL);
    expect(await workloadHealth("api-1")).toBe("HEALTH_CRITICAL");
    await server.client.delete(NodeHealthStatus, { name: "n1-disk" });
    expect(await workloadHealth("api-1")).toBe("HEALTH_WARNING");
  });

  it("counts a node that is not there as CRITICAL, until it comes", async () => {
    await writeWorkload("api-1", "n1");
    expect(await workloadHealth("api-1")).toBe("HEALTH_CRITICAL");
    await writeNode("n1");
    expect(await workloadHealth("api-1")).toBe("HEALTH_PASSING");
    await server.client.delete(Node, { name: "n1" });
    expect(await workloadHealth("api-1")).toBe("HEALTH_CRITICAL");
  });

  it("looks at the new node when a workload moves, and only at that one", async () => {
    await writeNode("n1");
    await writeNode("n2");
    await checkNode("n1", "disk", Health.CRITICAL);
    await writeWorkload("api-1", "n1");
    expect(await workloadHealth("api-1")).toBe("HEALTH_CRITICAL");
    await writeWorkload("api-1", "n2");
    expect(await workloadHealth("api-1")).toBe("HEALTH_PASSING");
    await checkNode("n2", "disk", Health.MAINTENANCE);
    expect(await workloadHealth("api-1")).toBe("HEALTH_MAINTENANCE");
  });

  it("does not count the checks of a workload that was there before under the same name", async () => {
    await writeWorkload("api-1");
    await checkWorkload("api-1", "http", Health.CRITICAL);
    expect(await workloadHealth("api-1")).toBe("HEALTH_CRITICAL");
    await server.client.delete(Workload, { name: "api-1" });
    await writeWorkload("api-1");
    expect(await workloadHealth("api-1")).toBe("HEALTH_PASSING");
  });
});
