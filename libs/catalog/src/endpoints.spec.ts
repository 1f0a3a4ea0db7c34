import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Protocol } from "@trellis/protos/trellis/catalog/v1/protocol_pb";
import { ServiceEndpointsSchema } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import { ServiceSchema } from "@trellis/protos/trellis/catalog/v1/service_pb";
import type { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { describe, expect, it } from "@jest/globals";

import { computeEndpoints, identitiesOf } from "./endpoints.ts";
import { healthyCondition } from "./health.ts";
import { WORKLOAD_HEALTH_KEY } from "./status-keys.ts";
import { conditionOf, resourceOf } from "./test-support/resources.ts";
import { Workload } from "./types.ts";

type WorkloadInit = MessageInitShape<typeof WorkloadSchema>;

const service = create(ServiceSchema, {
  ports: [
    { targetPort: "http", protocol: Protocol.HTTP, virtualPort: 80 },
    { targetPort: "grpc", protocol: Protocol.GRPC },
  ],
});

const web = { addresses: [{ host: "10.0.0.1" }], ports: { http: { port: 8080, protocol: Protocol.HTTP } } };

function endpoints(...workloads: WorkloadInit[]) {
  return computeEndpoints(
    service,
    workloads.map((data, index) => resourceOf(Workload, `web-${index}`, { data })),
  ).endpoints;
}

describe("the endpoints of a service", () => {
  it("are none without workloads", () => {
    expect(endpoints()).toEqual([]);
  });

  it("carry the workload's id, identity and weights", () => {
    const workload = resourceOf(Workload, "web-1", {
      data: { ...web, identity: "web", dns: { weights: { passing: 3, warning: 1 } } },
    });
    const [endpoint] = computeEndpoints(service, [workload]).endpoints;
    expect(endpoint?.targetRef).toEqual(workload.id);
    expect(endpoint?.identity).toBe("web");
    expect(endpoint?.dns?.weights).toMatchObject({ passing: 3, warning: 1 });
  });

  it("keep the order of the workloads", () => {
    const names = ["b", "a"].map((name) => resourceOf(Workload, name, { data: web }));
    expect(computeEndpoints(service, names).endpoints.map(({ targetRef }) => targetRef?.name)).toEqual([
      "b",
      "a",
    ]);
  });

  it("do not share objects with the workloads that they were computed from", () => {
    const workload = resourceOf(Workload, "web-1", { data: web });
    computeEndpoints(service, [workload]).endpoints[0]?.addresses.pop();
    expect(workload.data.addresses).toHaveLength(1);
  });
});

describe("the ports of an endpoint", () => {
  it("are those that the service targets", () => {
    const [endpoint] = endpoints({
      ...web,
      ports: { ...web.ports, admin: { port: 9090, protocol: Protocol.HTTP } },
    });
    expect(Object.keys(endpoint?.ports ?? {})).toEqual(["http"]);
    expect(endpoint?.ports["http"]).toMatchObject({ port: 8080, protocol: Protocol.HTTP });
  });

  it("leave out one that speaks another protocol than the service's", () => {
    expect(endpoints({ ...web, ports: { http: { port: 8080, protocol: Protocol.TCP } } })).toEqual([]);
  });

  it("take the service's protocol where the workload says none", () => {
    const [endpoint] = endpoints({ ...web, ports: { grpc: { port: 9000 } } });
    expect(endpoint?.ports["grpc"]).toMatchObject({ port: 9000, protocol: Protocol.GRPC });
  });

  it("leave out one that says a protocol where the service says none", () => {
    const silent = create(ServiceSchema, { ports: [{ targetPort: "http" }] });
    expect(computeEndpoints(silent, [resourceOf(Workload, "web-1", { data: web })]).endpoints).toEqual([]);
  });

  it("are not found among the words that every object knows", () => {
    const odd = create(ServiceSchema, { ports: [{ targetPort: "constructor", protocol: Protocol.HTTP }] });
    expect(computeEndpoints(odd, [resourceOf(Workload, "web-1", { data: web })]).endpoints).toEqual([]);
  });
});

describe("the addresses of an endpoint", () => {
  const ports = {
    http: { port: 8080, protocol: Protocol.HTTP },
    grpc: { port: 9000, protocol: Protocol.GRPC },
    admin: { port: 9090, protocol: Protocol.HTTP },
  };

  it("offer all kept ports, sorted, where they name none", () => {
    expect(endpoints({ addresses: [{ host: "10.0.0.1" }], ports })[0]?.addresses[0]?.ports).toEqual([
      "grpc",
      "http",
    ]);
  });

  it("are reduced to the kept ports, sorted", () => {
    const [endpoint] = endpoints({
      addresses: [{ host: "10.0.0.1", ports: ["http", "admin", "grpc"], external: true }],
      ports,
    });
    expect(endpoint?.addresses[0]).toMatchObject({
      host: "10.0.0.1",
      external: true,
      ports: ["grpc", "http"],
    });
  });

  it("are dropped when no kept port is left", () => {
    const [endpoint] = endpoints({
      addresses: [
        { host: "10.0.0.1", ports: ["admin"] },
        { host: "10.0.0.2", ports: ["http"] },
      ],
      ports,
    });
    expect(endpoint?.addresses.map(({ host }) => host)).toEqual(["10.0.0.2"]);
  });

  it("take the whole endpoint with them when none is left", () => {
    expect(endpoints({ addresses: [{ host: "10.0.0.1", ports: ["admin"] }], ports }, web)).toHaveLength(1);
    expect(endpoints({ addresses: [{ host: "10.0.0.1" }], ports: { admin: ports.admin } })).toEqual([]);
  });
});

describe("the health of an endpoint", () => {
  it("is CRITICAL until the workload's health is known", () => {
    expect(endpoints(web)[0]?.healthStatus).toBe(Health.CRITICAL);
  });

  it.each([Health.PASSING, Health.WARNING, Health.CRITICAL, Health.MAINTENANCE])(
    "is what the workload's status says: %d",
    (health) => {
      const status = {
        [WORKLOAD_HEALTH_KEY]: create(StatusSchema, {
          conditions: [conditionOf(healthyCondition({ health, message: "" }))],
        }),
      };
      const [endpoint] = computeEndpoints(service, [
        resourceOf(Workload, "web-1", { data: web, status }),
      ]).endpoints;
      expect(endpoint?.healthStatus).toBe(health);
    },
  );
});

describe("the identities of endpoints", () => {
  it("are distinct and sorted, those without one left out", () => {
    const computed = create(ServiceEndpointsSchema, {
      endpoints: ["web", "", "api", "web"].map((identity) => ({ identity })),
    });
    expect(identitiesOf(computed)).toEqual(["api", "web"]);
  });
});
