import { describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Protocol } from "@trellis/protos/trellis/catalog/v1/protocol_pb";
import { converges, type TestServer } from "@trellis/testing";

import catalog, {
  HealthStatus,
  Node,
  NodeHealthStatus,
  Service,
  ServiceEndpoints,
  Workload,
} from "../index.ts";

const node = (name: string) => (client: Client) =>
  client.write(Node, { name, data: { addresses: [{ host: "10.0.0.1" }] } });

const workload = (name: string, nodeName: string) => (client: Client) =>
  client.write(Workload, {
    name,
    data: { addresses: [{ host: "10.0.0.2" }], ports: { http: { port: 80 } }, nodeName },
  });

const service = (prefix: string) => (client: Client) =>
  client.write(Service, {
    name: "api",
    data: {
      ports: [{ targetPort: "http", protocol: Protocol.HTTP }],
      ...(prefix === "" ? {} : { workloads: { prefixes: [prefix] } }),
    },
  });

const check = (name: string, status: Health) => async (client: Client) => {
  const { id: owner } = await client.read(Workload, { name });
  await client.write(HealthStatus, { name: `${name}-http`, owner, data: { type: "http", status } });
};

const checkNode = (name: string, status: Health) => async (client: Client) => {
  const { id: owner } = await client.read(Node, { name });
  await client.write(NodeHealthStatus, { name: `${name}-disk`, owner, data: { type: "disk", status } });
};

const remove = (type: typeof Workload | typeof Node | typeof Service, name: string) => (client: Client) =>
  client.delete(type as typeof Workload, { name });

/** The workloads that take the service's traffic, with their health. */
async function endpointsAreRight({ client }: TestServer): Promise<void> {
  const { data } = await client.read(ServiceEndpoints, { name: "api" });
  expect(data.endpoints.map(({ targetRef, healthStatus }) => [targetRef?.name, healthStatus])).toEqual([
    ["api-1", Health.CRITICAL],
    ["api-2", Health.WARNING],
  ]);
}

describe("the catalog's controllers", () => {
  it("come to the same health and endpoints, whatever goes wrong and in whatever order", async () => {
    await converges({
      domains: [catalog],
      system: true,
      seeds: 10,
      check: endpointsAreRight,
      changes: [
        workload("api-1", "n1"),
        service("api-"),
        node("n1"),
        node("n2"),
        workload("api-2", "n2"),
        check("api-2", Health.WARNING),
        checkNode("n2", Health.CRITICAL),
        workload("api-3", ""),
        remove(Service, "api"),
        // The other end of a reference: api-2 leaves the sick node, api-1 comes to it.
        workload("api-2", "n1"),
        workload("api-1", "n2"),
        service("api-"),
        remove(Workload, "api-3"),
      ],
    });
  }, 60_000);
});
